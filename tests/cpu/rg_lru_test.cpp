// The recurrence of Griffin against a worked example of one channel, and where a sequence starts.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cpu/cpu_ops.h"

namespace eddy {
namespace {

// Lambda = 0.5; the gates are 0.7 u + 0.1 and -0.4 u + 0.2.
class OneChannel {
 public:
  // h after each of the inputs; state row 0 is read unless the lane starts a sequence.
  std::vector<float> feed(std::vector<float> u, bool is_start) {
    const auto n = static_cast<std::int64_t>(u.size());
    std::vector<float> gate_x, gate_a, h(u.size());
    for (const float v : u) gate_x.push_back(0.7f * v), gate_a.push_back(-0.4f * v);
    const float decay = -8 * std::log1p(std::exp(0.5f)), bias_x = 0.1f, bias_a = 0.2f;
    const Lane lane = {.first_token = 0,
                       .n_tokens = static_cast<std::int32_t>(n),
                       .src = is_start ? kZeroRow : 0,
                       .dst = 0};
    const Status status = ops_->rg_lru({.x = {u.data(), 1, n, 1},
                                        .gate_x = {gate_x.data(), 1, n, 1},
                                        .gate_a = {gate_a.data(), 1, n, 1},
                                        .bias_x = {&bias_x, 1},
                                        .bias_a = {&bias_a, 1},
                                        .decay = {&decay, 1},
                                        .lanes = {&lane, 1},
                                        .state = rows_,
                                        .out = {h.data(), 1, n, 1}});
    EXPECT_TRUE(status.ok()) << status.error().message;
    return h;
  }

 private:
  std::unique_ptr<Ops> ops_ = make_cpu_ops({.n_threads = 1}).value();
  std::unique_ptr<Buffer> buffer_ = host_buffer_type().allocate(64).value();
  StateRows rows_ = {.buffer = buffer_.get(), .stride = 64, .n_elems = 1, .n_rows = 1};
};

TEST(RgLru, WorkedExample) {
  const std::vector<float> h = OneChannel().feed({1.0f, -0.5f, 2.0f}, true);
  EXPECT_NEAR(h[0], 0.689974, 1e-6);
  EXPECT_NEAR(h[1], -0.212405, 1e-6);
  EXPECT_NEAR(h[2], 1.618452, 1e-6);
}

TEST(RgLru, TheFirstInputOfASequenceIsNotScaledAndTheOldStateIsDropped) {
  OneChannel channel;
  channel.feed({3.0f, 2.0f}, true);
  EXPECT_NEAR(channel.feed({1.0f}, true)[0], 0.689974, 1e-6);
  // The same input later is scaled by sqrt(1 - a^2), and the state decays.
  const float later = channel.feed({1.0f}, false)[0];
  EXPECT_GT(std::abs(later - 0.689974f), 1e-4f);
}

TEST(RgLru, ADecayNextToOneKeepsItsDigits) {
  // log a = -1e-7 r: 1 - a^2 computed from a in F32 would be 0 or off by half.
  const std::unique_ptr<Ops> ops = make_cpu_ops({.n_threads = 1}).value();
  const std::unique_ptr<Buffer> buffer = host_buffer_type().allocate(64).value();
  const StateRows rows = {.buffer = buffer.get(), .stride = 64, .n_elems = 1, .n_rows = 1};
  const float x = 1, gate = 0, bias = 0, decay = -1e-7f;
  float h = 0;
  const Lane lane = {.n_tokens = 1, .src = 0, .dst = 0};
  ASSERT_TRUE(ops->rg_lru({.x = {&x, 1, 1, 1},
                           .gate_x = {&gate, 1, 1, 1},
                           .gate_a = {&gate, 1, 1, 1},
                           .bias_x = {&bias, 1},
                           .bias_a = {&bias, 1},
                           .decay = {&decay, 1},
                           .lanes = {&lane, 1},
                           .state = rows,
                           .out = {&h, 1, 1, 1}})
                  .ok());
  EXPECT_NEAR(h / (0.5 * std::sqrt(1e-7)), 1, 1e-6);
}

}  // namespace
}  // namespace eddy
