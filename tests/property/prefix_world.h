// Random operations on a prefix tree, checked against an obvious model: a list of token lists.
#pragma once

#include <cstdint>
#include <string>

namespace eddy::test {

struct PrefixWorldConfig {
  int n_keys = 2;
  int n_vocab = 2;
  int max_tokens = 40;        // of a path
  bool evicts_paths = false;  // whether the tree may forget paths without states
};

// Runs n operations made from the seed; empty, or what differed, with the seed.
std::string run_prefix_world(const PrefixWorldConfig& config, std::uint64_t seed, int n);

}  // namespace eddy::test
