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
          .quantised_x = true};
}

TEST_P(Accuracy, LogitsAreThoseOfTheReference) {
  const Tokens tokens = make_tokens(24, 30);
  Harness h(GetParam());
  const Rows found = h.feed(0, tokens);
  const auto reference = reference::make_reference(file_of(GetParam()));
  ASSERT_TRUE(reference) << "no reference for this architecture";
  const reference::Logits expected = reference->logits(tokens, {});
  const double bound = tolerance(*reference, tokens, engine_noise(GetParam()));

  double worst = 0, power = 0, n = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    for (std::size_t i = 0; i < expected[t].size(); ++i) {
      const double v = std::bit_cast<float>(found[t][i]);
      ASSERT_TRUE(std::isfinite(v)) << "token " << t << ", logit " << i;
      worst = std::max(worst, std::abs(v - expected[t][i]));
      power += expected[t][i] * expected[t][i];
      ++n;
    }
  }
  const double spread = std::sqrt(power / n);
  EXPECT_LE(worst, bound);
  // The bound must mean something, and the model too.
  EXPECT_LT(bound, 0.3 * spread);
  EXPECT_GT(spread, 0.3);
  EXPECT_LT(spread, 5);
  RecordProperty("worst", std::to_string(worst));
  RecordProperty("bound", std::to_string(bound));
}

}  // namespace
}  // namespace eddy::laws
