// Ten million random operations on the recurrent memory against an obvious model.
//
// EDDY_SEED sets the first seed, EDDY_PROPERTY_OPS the number of operations.
#include <gtest/gtest.h>

#include "memory_runs.h"
#include "number_from.h"

namespace eddy::test {
namespace {

TEST(MemoryPropertySlow, TenMillionOperationsMatchTheModel) {
  constexpr std::size_t kOpsPerRun = 2500;
  const std::uint64_t n_ops = number_from("EDDY_PROPERTY_OPS", 10'000'000);
  const std::uint64_t first_seed = number_from("EDDY_SEED", 1000);
  auto configs = world_configs();
  const auto hybrids = hybrid_configs();
  configs.insert(configs.end(), hybrids.begin(), hybrids.end());
  for (std::uint64_t i = 0; i * kOpsPerRun < n_ops; ++i) {
    const std::string report = run_seed(configs[i % configs.size()], first_seed + i, kOpsPerRun);
    ASSERT_TRUE(report.empty()) << report;
  }
}

}  // namespace
}  // namespace eddy::test
