// Random and exhaustive operations on the recurrent memory against an obvious model.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/support/sanitized.h"
#include "memory_runs.h"

namespace eddy::test {
namespace {

constexpr std::uint64_t kSeeds = kIsSanitized ? 3 : 10;

TEST(MemoryProperty, RandomOperationsMatchTheModel) {
  for (const WorldConfig& config : world_configs()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const std::string report = run_seed(config, seed, 1000);
      ASSERT_TRUE(report.empty()) << report;
    }
  }
}

TEST(MemoryProperty, RandomOperationsOnHybridsMatchTheModel) {
  for (const WorldConfig& config : hybrid_configs()) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const std::string report = run_seed(config, seed, 1000);
      ASSERT_TRUE(report.empty()) << report;
    }
  }
}

// Every sequence of four operations (with sanitizers three) over two sequences and three cells.
TEST(MemoryProperty, ExhaustiveSmallScope) {
  const WorldConfig config{.n_cells = 3, .n_seqs = 2, .n_ubatch_max = 2};
  const std::vector<Op> alphabet = {
      {.kind = OpKind::kExtend, .seq = 0, .n = 1, .salt = 1},
      {.kind = OpKind::kExtend, .seq = 1, .n = 1, .salt = 2},
      {.kind = OpKind::kExtend, .seq = 0, .n = 1, .count = 2, .n_ubatch = 1, .salt = 3},
      {.kind = OpKind::kExtend, .seq = 1, .n = 1, .count = 2, .n_ubatch = 0, .salt = 4},
      {.kind = OpKind::kExtend, .seq = 0, .n = 1, .fail = 0, .salt = 1},
      {.kind = OpKind::kExtend, .seq = 1, .n = 4, .n_ubatch = 0, .fail = 1, .salt = 6},
      {.kind = OpKind::kRemove, .seq = 0},
      {.kind = OpKind::kRemove, .seq = 1},
      {.kind = OpKind::kFork, .seq = 0, .other = 1},
      {.kind = OpKind::kFork, .seq = 1, .other = 0},
      {.kind = OpKind::kKeep, .seq = 0},
      {.kind = OpKind::kClear, .n = 0},
      {.kind = OpKind::kClear, .n = 1},
      {.kind = OpKind::kCheckpoint, .seq = 0, .n = 1},
      {.kind = OpKind::kCheckpoint, .seq = 1, .n = 2},
      {.kind = OpKind::kDropCheckpoint, .other = 0},
      {.kind = OpKind::kStart, .seq = 0, .other = 0},
      {.kind = OpKind::kStart, .seq = 1, .other = 1},
      {.kind = OpKind::kWrite, .seq = 0},
      {.kind = OpKind::kRead, .seq = 1},
      {.kind = OpKind::kRecover, .seq = 0},
  };
  const std::size_t n = alphabet.size();
  std::vector<Op> ops(kIsSanitized ? 3 : 4);
  std::size_t n_codes = 1;
  for (std::size_t i = 0; i < ops.size(); ++i) n_codes *= n;
  for (std::size_t code = 0; code < n_codes; ++code) {
    for (std::size_t i = 0, rest = code; i < ops.size(); ++i, rest /= n)
      ops[i] = alphabet[rest % n];
    std::size_t n_done = 0;
    const std::string difference = run(config, ops, n_done);
    if (difference.empty()) continue;
    for (const Op& op : ops) std::fprintf(stderr, "  %s\n", to_string(op).c_str());
    FAIL() << difference << " after " << n_done;
  }
}

TEST(MemoryProperty, ConfigurationsCoverOneToThreeHundredCells) {
  const auto configs = world_configs();
  EXPECT_EQ(configs.size(), 16u);
  const auto [fewest, most] = std::ranges::minmax(configs, {}, &WorldConfig::n_cells);
  EXPECT_EQ(fewest.n_cells, 1u);
  EXPECT_EQ(most.n_cells, 300u);
}

}  // namespace
}  // namespace eddy::test
