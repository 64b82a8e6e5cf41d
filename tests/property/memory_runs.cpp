#include "memory_runs.h"

#include <fmt/format.h>

#include <utility>

#include "leave_out.h"
#include "random.h"

namespace eddy::test {
namespace {

// Of 1000.
constexpr Weight<OpKind> kOpWeights[] = {{OpKind::kExtend, 349},    {OpKind::kRemove, 90},
                                         {OpKind::kRemovePart, 20}, {OpKind::kRewind, 40},
                                         {OpKind::kFork, 130},      {OpKind::kKeep, 3},
                                         {OpKind::kClear, 3},       {OpKind::kShift, 5},
                                         {OpKind::kCheckpoint, 80}, {OpKind::kDropCheckpoint, 50},
                                         {OpKind::kStart, 70},      {OpKind::kWrite, 15},
                                         {OpKind::kRead, 25},       {OpKind::kBegin, 20},
                                         {OpKind::kDump, 4},        {OpKind::kLoad, 4},
                                         {OpKind::kCorrupt, 16},    {OpKind::kUnpark, 30},
                                         {OpKind::kPark, 10},       {OpKind::kRecover, 30},
                                         {OpKind::kCrash, 1},       {OpKind::kBadId, 5}};
static_assert(std::size(kOpWeights) == kOpKinds);

bool fails(const WorldConfig& config, const std::vector<Op>& ops) {
  std::size_t n_done = 0;
  return !run(config, ops, n_done).empty();
}

}  // namespace

std::vector<WorldConfig> world_configs() {
  return {
      {.n_cells = 1, .n_seqs = 1},
      {.n_cells = 1, .n_seqs = 3, .parks = true},
      {.n_cells = 2, .n_seqs = 2, .n_layers = 2},
      {.n_cells = 3, .n_seqs = 2},
      {.n_cells = 3, .n_seqs = 5, .n_ubatch_max = 3, .parks = true},
      {.n_cells = 5, .n_seqs = 4, .n_layers = 2, .is_host = false},
      {.n_cells = 8, .n_seqs = 12, .n_ubatch_max = 32},
      {.n_cells = 8, .n_seqs = 6, .n_ubatch_max = 1, .parks = true},
      {.n_cells = 17, .n_seqs = 9, .n_ubatch_max = 16},
      {.n_cells = 30, .n_seqs = 60, .n_ubatch_max = 24, .parks = true},
      {.n_cells = 64, .n_seqs = 40, .n_ubatch_max = 64},
      {.n_cells = 300, .n_seqs = 100, .n_ubatch_max = 40},
      {.n_cells = 2, .n_seqs = 1, .n_tokens_max = 150, .n_rewind = 32},
      {.n_cells = 9, .n_seqs = 3, .n_ubatch_max = 90, .n_tokens_max = 200, .n_rewind = 32},
      {.n_cells = 12,
       .n_seqs = 8,
       .n_ubatch_max = 24,
       .is_host = false,
       .parks = true,
       .n_tokens_max = 150,
       .n_rewind = 64},
      {.n_cells = 60, .n_seqs = 12, .n_layers = 2, .n_tokens_max = 300, .n_rewind = 32},
  };
}

std::vector<WorldConfig> hybrid_configs() {
  return {
      {.n_cells = 4, .n_seqs = 3, .n_ubatch_max = 16, .windows = {0}, .n_pages = 9},
      {.n_cells = 6, .n_seqs = 4, .n_ubatch_max = 32, .parks = true, .windows = {0}, .n_pages = 6},
      {.n_cells = 9, .n_seqs = 5, .n_ubatch_max = 7, .windows = {40}, .n_pages = 8},
      {.n_cells = 9,
       .n_seqs = 5,
       .n_ubatch_max = 24,
       .is_host = false,
       .parks = true,
       .windows = {0, 5, 0},
       .n_pages = 12},
      {.n_cells = 12,
       .n_seqs = 8,
       .n_ubatch_max = 40,
       .parks = true,
       .windows = {33, 64, 2},
       .n_pages = 11,
       .n_tokens_max = 150},
      {.n_cells = 20,
       .n_seqs = 9,
       .n_ubatch_max = 24,
       .windows = {0, 40},
       .n_pages = 30,
       .n_tokens_max = 150},
      {.n_cells = 15,
       .n_seqs = 5,
       .n_ubatch_max = 70,
       .parks = true,
       .windows = {0, 40},
       .n_pages = 30,
       .n_tokens_max = 250,
       .n_rewind = 32},
      {.n_cells = 7,
       .n_seqs = 5,
       .n_ubatch_max = 24,
       .n_layers = 0,
       .windows = {0, 0},
       .n_pages = 12,
       .n_tokens_max = 100},
      {.n_cells = 30,
       .n_seqs = 7,
       .n_ubatch_max = 24,
       .n_layers = 0,
       .parks = true,
       .windows = {0, 40},
       .n_pages = 14,
       .n_tokens_max = 100},
  };
}

std::vector<Op> random_ops(const WorldConfig& config, std::uint64_t seed, std::size_t n) {
  Random random(seed);
  std::vector<Op> ops(n);
  for (Op& op : ops) {
    op.kind = random_kind<OpKind>(random, kOpWeights);
    op.seq = random.below(config.n_seqs);
    op.other = random.below(1u << 16);
    op.n = 1 + random.below(random.below(8) == 0 ? 24 : 6);
    op.count = 1 + random.below(random.below(4) == 0 ? 8 : 2);
    op.n_ubatch = random.below(config.n_ubatch_max);
    op.fail = random.below(5) == 0 ? static_cast<std::int32_t>(random.below(4)) : -1;
    op.fail_alloc = random.below(20) == 0 ? static_cast<std::int32_t>(random.below(6)) : -1;
    op.salt = random.below(1u << 24);
  }
  return ops;
}

std::string run(const WorldConfig& config, const std::vector<Op>& ops, std::size_t& n_done) {
  World world(config);
  for (n_done = 0; n_done < ops.size();) {
    std::string difference = world.apply(ops[n_done]);
    ++n_done;
    if (!difference.empty()) return difference;
    if (n_done % 64 == 0) difference = world.compare_thoroughly();
    if (!difference.empty()) return difference;
  }
  return world.compare_thoroughly();
}

std::vector<Op> shrink(const WorldConfig& config, std::vector<Op> ops) {
  ops = leave_out(std::move(ops), [&](const auto& fewer) { return fails(config, fewer); });
  // Make arguments plain.
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Op plain;
    for (auto field : {&Op::n, &Op::count, &Op::n_ubatch, &Op::salt, &Op::other, &Op::seq}) {
      std::vector<Op> simpler = ops;
      simpler[i].*field = plain.*field;
      if (fails(config, simpler)) ops = simpler;
    }
    for (auto field : {&Op::fail, &Op::fail_alloc}) {
      std::vector<Op> simpler = ops;
      simpler[i].*field = plain.*field;
      if (fails(config, simpler)) ops = simpler;
    }
  }
  return ops;
}

std::string run_seed(const WorldConfig& config, std::uint64_t seed, std::size_t n) {
  std::vector<Op> ops = random_ops(config, seed, n);
  std::size_t n_done = 0;
  const std::string difference = run(config, ops, n_done);
  if (difference.empty()) return {};
  ops.resize(n_done);
  std::string report =
      fmt::format("seed {}, {} cells, {} sequences: after {} operations: {}\nshrunk:\n", seed,
                  config.n_cells, config.n_seqs, n_done, difference);
  ops = shrink(config, ops);
  for (const Op& op : ops) report += "  " + to_string(op) + "\n";
  return report + "ends with: " + run(config, ops, n_done) + "\n";
}

}  // namespace eddy::test
