// Random operations on the prefix tree against a list of token lists.
#include <gtest/gtest.h>

#include "base/support/sanitized.h"
#include "prefix_world.h"

namespace eddy::test {
namespace {

void run_all(const PrefixWorldConfig& config, std::uint64_t n_seeds, int n_steps) {
  if (kIsSanitized) n_seeds /= 4;
  for (std::uint64_t seed = 1; seed <= n_seeds; ++seed) {
    const std::string report = run_prefix_world(config, seed, n_steps);
    ASSERT_TRUE(report.empty()) << report;
  }
}

TEST(PrefixTreeProperty, ShortPathsOfTwoTokens) {
  run_all({.n_keys = 2, .n_vocab = 2, .max_tokens = 8}, 300, 300);
}

TEST(PrefixTreeProperty, PathsOfManyTokens) {
  run_all({.n_keys = 1, .n_vocab = 50, .max_tokens = 40}, 100, 200);
}

TEST(PrefixTreeProperty, PathsLongerThanAnEdge) {
  run_all({.n_keys = 2, .n_vocab = 2, .max_tokens = 1000}, 100, 200);
}

TEST(PrefixTreeProperty, PathsMayBeForgotten) {
  run_all({.n_keys = 3, .n_vocab = 2, .max_tokens = 12, .evicts_paths = true}, 200, 200);
  run_all({.n_keys = 2, .n_vocab = 2, .max_tokens = 700, .evicts_paths = true}, 50, 150);
}

}  // namespace
}  // namespace eddy::test
