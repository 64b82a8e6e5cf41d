// Runs of operations on a World: made from a seed, judged, and shrunk when they fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory_world.h"

namespace eddy::test {

// Twelve memories of 1 to 300 cells.
std::vector<WorldConfig> world_configs();

// Hybrids, and attention alone, with and without windows; short of cells, of pages, or of both.
std::vector<WorldConfig> hybrid_configs();

// n operations with random arguments; equal seeds make equal operations.
std::vector<Op> random_ops(const WorldConfig& config, std::uint64_t seed, std::size_t n);

// Empty, or how memory and model differ; `n_done`: after how many operations.
std::string run(const WorldConfig& config, const std::vector<Op>& ops, std::size_t& n_done);

// A short sequence of operations that still fails.
std::vector<Op> shrink(const WorldConfig& config, std::vector<Op> ops);

// Runs a seed; empty, or a report with the seed and the shrunk operations.
std::string run_seed(const WorldConfig& config, std::uint64_t seed, std::size_t n);

}  // namespace eddy::test
