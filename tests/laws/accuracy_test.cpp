// The engine's logits against those of the double references.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "laws/harness.h"
#include "laws/model_files.h"
#include "reference/reference.h"

namespace eddy::laws {
namespace {

class Accuracy : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(All, Accuracy, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return name_of(info.param); });

double unit_roundoff(DType state) {
  if (state == DType::kF16) return reference::kUnitF16;
  return state == DType::kBF16 ? reference::kUnitBF16 : 0;
}

// Where the engine rounds, and by how much.
reference::Noise engine_noise(const Case& c) {
  return {.seed = 0,
          .arithmetic = reference::kUnitF32,
          .state_r = unit_roundoff(c.state),
          .state_s = unit_roundoff(c.state),
          .state_kv = unit_roundoff(c.state),
          .quantised_x = true};
}

TEST_P(Accuracy, LogitsAreThoseOfTheReference) {
  const Tokens tokens = make_tokens(24, 30);
  Harness h(GetParam());
  const Rows found = h.feed(0, tokens);
  const auto reference = reference::make_reference(file_of(GetParam()));
  ASSERT_TRUE(reference) << "no reference for this architecture";
  const reference::Logits expected = reference->logits(tokens, {});
  const reference::Distance bound = tolerance(*reference, tokens, engine_noise(GetParam()));

  reference::Logits computed;
  for (const auto& row : found) {
    computed.emplace_back();
    for (const auto bits : row) {
      computed.back().push_back(std::bit_cast<float>(bits));
      ASSERT_TRUE(std::isfinite(computed.back().back()));
    }
  }
  const reference::Distance error = reference::distance(computed, expected);
  EXPECT_LE(error.largest, bound.largest);
  EXPECT_LE(error.rms, bound.rms);
  // The bound must mean something, and the model too.
  const reference::Logits zeros(expected.size(), std::vector<double>(expected[0].size()));
  const double spread = reference::distance(expected, zeros).rms;
  EXPECT_LT(bound.rms, 0.3 * spread);
  EXPECT_GT(spread, 0.3);
  EXPECT_LT(spread, 5);
  RecordProperty("error", std::to_string(error.rms));
  RecordProperty("bound", std::to_string(bound.rms));
}

}  // namespace
}  // namespace eddy::laws
