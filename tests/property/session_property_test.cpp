// Random operations on sessions against an obvious model: what people do with them, and what
// befalls them.
//
// EDDY_SEED sets the first seed, EDDY_SESSION_STEPS the number of steps for each engine.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/support/sanitized.h"
#include "leave_out.h"
#include "number_from.h"
#include "session_world.h"

namespace eddy::test {
namespace {

// Empty, or how engine and model differ; `n_done`: after how many steps.
std::string run(const SessionWorldConfig& config, const std::vector<Step>& steps,
                std::size_t& n_done) {
  SessionWorld world(config);
  std::string difference;
  for (n_done = 0; n_done < steps.size() && difference.empty(); ++n_done) {
    difference = world.apply(steps[n_done]);
  }
  return difference;
}

void run_seed(const SessionWorldConfig& config, std::uint64_t seed, std::size_t n) {
  std::vector<Step> steps = random_steps(config, seed, n);
  std::size_t n_done = 0;
  const std::string difference = run(config, steps, n_done);
  if (difference.empty()) return;
  steps.resize(n_done);
  steps = leave_out(std::move(steps), [&](const auto& fewer) {
    std::size_t n_until = 0;
    return !run(config, fewer, n_until).empty();
  });
  std::string report = config.architecture + ", seed " + std::to_string(seed) + ", after " +
                       std::to_string(n_done) + " steps: " + difference + "\nshrunk:\n";
  for (const Step& step : steps) report += "  " + to_string(step) + "\n";
  FAIL() << report << "ends with: " << run(config, steps, n_done);
}

class SessionProperty : public testing::TestWithParam<SessionWorldConfig> {};

INSTANTIATE_TEST_SUITE_P(
    Engines, SessionProperty,
    testing::Values(
        SessionWorldConfig{.architecture = "mamba", .parks_in_folder = true},
        SessionWorldConfig{.architecture = "mamba2", .n_cells = 20},
        SessionWorldConfig{.architecture = "rwkv7", .n_seqs = 4, .n_cells = 1, .n_cache_cells = 0},
        SessionWorldConfig{.architecture = "rwkv6", .n_rewind = 0, .n_cache_bytes = 1 << 17},
        SessionWorldConfig{.architecture = "recurrentgemma", .n_cells = 9, .n_rewind = 64}));

TEST_P(SessionProperty, RandomOperationsMatchTheModel) {
  constexpr std::size_t kStepsPerRun = 250;
  const std::uint64_t n_steps = number_from("EDDY_SESSION_STEPS", kIsSanitized ? 100 : 1000);
  const std::uint64_t first_seed = number_from("EDDY_SEED", 1);
  for (std::uint64_t i = 0; i * kStepsPerRun < n_steps && !HasFailure(); ++i) {
    run_seed(GetParam(), first_seed + i, kStepsPerRun);
  }
}

}  // namespace
}  // namespace eddy::test
