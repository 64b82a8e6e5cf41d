// Attention where the list of op cases does not go: NaN stays where it belongs, large scores, and
// what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/support/fails_with.h"
#include "cpu/cpu_ops.h"
#include "cpu/support/pages.h"

namespace eddy::test {
namespace {

constexpr std::int64_t kDim = 32;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Activations {
  explicit Activations(int n_tokens, std::int64_t n, std::uint64_t seed) : n(n) {
    for (std::int64_t i = 0; i < n_tokens * n; ++i) {
      values.push_back(noise(seed * 100000 + static_cast<std::uint64_t>(i)));
    }
  }
  Mat mat() { return {values.data(), n, std::ssize(values) / n, n}; }
  std::vector<float> token(std::int64_t t) const {
    return {values.begin() + t * n, values.begin() + (t + 1) * n};
  }

  std::int64_t n;
  std::vector<float> values;
};

// One sequence that is fed in one call: two heads that share one of K and V.
struct Prompt {
  int n_tokens = 70;
  std::int32_t window = 0;
  DType type = DType::kF32;
  std::int64_t n_head = 2;
  Activations q = Activations(n_tokens, 2 * kDim, 1);
  Activations k = Activations(n_tokens, kDim, 2);
  Activations v = Activations(n_tokens, kDim, 3);

  Result<Activations> attend() {
    const auto ops = make_cpu_ops({.n_threads = 2}).value();
    PagesOfCase pages({.name = "",
                       .n_tokens = n_tokens,
                       .n_inputs = {},
                       .kv = {.k_elems = static_cast<std::uint64_t>(k.n),
                              .v_elems = static_cast<std::uint64_t>(v.n),
                              .type = type,
                              .window = window}});
    const Lane lane = {.first_token = 0, .n_tokens = n_tokens};
    const KvLane kv_lane = pages.place({.seq = 0, .n_tokens = n_tokens}, 0);
    const KvView kv = {pages.view(), {&kv_lane, 1}};
    const Status stored =
        ops->kv_store({.k = k.mat(), .v = v.mat(), .lanes = {&lane, 1}, .kv = kv});
    if (!stored.ok()) return stored.error();
    Activations out(n_tokens, 2 * kDim, 4);
    const Status status = ops->attention({.q = q.mat(),
                                          .n_head = n_head,
                                          .n_head_kv = 1,
                                          .scale = 0.25f,
                                          .window = window,
                                          .lanes = {&lane, 1},
                                          .kv = kv,
                                          .out = out.mat()});
    if (!status.ok()) return status.error();
    return out;
  }
};

bool all_finite(const std::vector<float>& x) {
  for (const float v : x) {
    if (!std::isfinite(v)) return false;
  }
  return true;
}

TEST(Attention, ANanIsSeenByThoseWhoSeeItsPosition) {
  constexpr std::int64_t kAt = 41, kWindow = 9;
  for (const auto& [type, in_k] : {std::pair(DType::kF32, true), std::pair(DType::kF32, false),
                                   std::pair(DType::kQ8_0, true), std::pair(DType::kQ8_0, false)}) {
    Prompt clean = {.window = kWindow, .type = type}, dirty = {.window = kWindow, .type = type};
    (in_k ? dirty.k : dirty.v).mat().token(kAt)[3] = kNan;
    const Activations expected = clean.attend().value(), found = dirty.attend().value();
    for (std::int64_t t = 0; t < clean.n_tokens; ++t) {
      if (t >= kAt && t < kAt + kWindow) {
        EXPECT_FALSE(all_finite(found.token(t))) << t;
      } else {
        EXPECT_EQ(found.token(t), expected.token(t)) << t;
      }
    }
  }
}

TEST(Attention, ANanOfAQueryIsItsOwn) {
  Prompt clean, dirty;
  dirty.q.mat().token(33)[kDim + 2] = kNan;  // of head 1
  const Activations expected = clean.attend().value(), found = dirty.attend().value();
  for (std::int64_t t = 0; t < clean.n_tokens; ++t) {
    const std::vector<float> row = found.token(t), want = expected.token(t);
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (t == 33 && i >= kDim) {
        EXPECT_TRUE(std::isnan(row[i]));
      } else {
        EXPECT_EQ(row[i], want[i]) << t;
      }
    }
  }
}

TEST(Attention, LargeScoresChooseOnePosition) {
  Prompt prompt;
  for (float& q : prompt.q.values) q = 0;
  for (float& k : prompt.k.values) k = 0;
  for (std::int64_t t = 0; t < prompt.n_tokens; ++t) {
    prompt.q.mat().token(t)[0] = 1e10f;
    prompt.k.mat().token(t)[0] = t == 20 ? 1e10f : t == 45 ? -1e10f : 0;
  }
  const Activations out = prompt.attend().value();
  for (std::int64_t t = 20; t < prompt.n_tokens; ++t) {
    const std::vector<float> row = out.token(t), v = prompt.v.token(20);
    EXPECT_EQ(std::vector<float>(row.begin(), row.begin() + kDim), v) << t;
  }
  EXPECT_TRUE(all_finite(out.values));
}

TEST(Attention, HeadsThatAreNoWholeBlocksAreRefused) {
  Prompt prompt = {.type = DType::kQ8_0, .n_head = 4};  // a block of 32 would hold two heads
  EXPECT_TRUE(fails_with(prompt.attend(), ErrorCode::kUnsupported, {"Q8_0", "16"}));
}

}  // namespace
}  // namespace eddy::test
