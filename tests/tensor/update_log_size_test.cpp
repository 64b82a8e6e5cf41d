// What the update log keeps of a token and layer, beside R, at the published shapes.
#include <gtest/gtest.h>

#include "tensor/ops.h"

namespace eddy {
namespace {

TEST(UpdateLogSize, OfMambaIsAFifthOfAStateAtMost) {
  constexpr std::int64_t d_state = 16;
  for (const std::int64_t d_inner : {1536, 2048, 3072, 4096, 5120, 8192}) {
    const auto n = selective_scan_log_elems(d_inner, d_state) + short_conv_log_elems(d_inner);
    EXPECT_LE(5 * n, static_cast<std::uint64_t>(d_inner * d_state)) << d_inner;
  }
}

TEST(UpdateLogSize, OfMamba2IsAFortiethOfAStateAtMost) {
  constexpr std::int64_t head_dim = 64, d_state = 128;
  struct Shape {
    std::int64_t n_head, n_group;
  };
  for (const auto& [n_head, n_group] : {Shape{24, 1}, {32, 1}, {64, 1}, {80, 1}, {128, 8}}) {
    const std::int64_t d_inner = n_head * head_dim;
    const auto n = ssd_scan_log_elems(n_head, head_dim, n_group, d_state) +
                   short_conv_log_elems(d_inner + 2 * n_group * d_state);
    EXPECT_LE(40 * n, static_cast<std::uint64_t>(d_inner * d_state)) << n_head;
  }
}

// With the token that its two mixes shift.
TEST(UpdateLogSize, OfRwkv7IsAnEighthOfAStateAtMost) {
  constexpr std::int64_t head_size = 64;
  for (const std::int64_t n_embd : {768, 1024, 2048, 2560, 4096}) {
    const auto n =
        wkv7_log_elems(n_embd / head_size, head_size) + static_cast<std::uint64_t>(2 * n_embd);
    EXPECT_LE(8 * n, static_cast<std::uint64_t>(n_embd * head_size)) << n_embd;
  }
}

}  // namespace
}  // namespace eddy
