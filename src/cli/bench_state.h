// eddy bench state MODEL: what forks, rewinds, saved states and restored prompts cost.
#pragma once

#include <cstdint>

#include "cli/bench_table.h"
#include "cli/command.h"
#include "cli/model_options.h"
#include "eddy/result.h"

namespace eddy {

struct StateBenchOptions {
  int repetitions = 1;
  TableFormat format = {};
  std::int64_t n_prompt = 4000;  // tokens of the long prompt, whose end changes
};

// kInvalidArgument: a prompt of fewer tokens than change.
Result<ExitCode> bench_state(const ModelOptions& model, const StateBenchOptions& options);

}  // namespace eddy
