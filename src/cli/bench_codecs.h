// eddy bench codecs MODEL TEXT: what packing stored states saves, what it costs, and what becomes
// of the text that follows.
#pragma once

#include <functional>

#include "cli/command.h"
#include "eddy/result.h"

namespace eddy {

// Adds the subcommand to `bench`; what runs it.
std::function<Result<ExitCode>()> add_bench_codecs(CLI::App& bench);

}  // namespace eddy
