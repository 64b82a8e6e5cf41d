// eddy bench traces: the prefix cache's policies on synthetic traces; needs no model.
#pragma once

#include <functional>

#include "cli/command.h"
#include "eddy/result.h"

namespace eddy {

// Adds `traces` to `eddy bench`; what it returns runs it.
std::function<Result<ExitCode>()> add_bench_traces(CLI::App& bench);

}  // namespace eddy
