// eddy bench MODEL --state: what forks, rewinds, saved states and restored prompts cost.
#pragma once

#include "cli/bench_table.h"
#include "cli/command.h"
#include "cli/model_options.h"
#include "eddy/result.h"

namespace eddy {

Result<ExitCode> bench_state(const ModelOptions& model, int repetitions, TableFormat format);

}  // namespace eddy
