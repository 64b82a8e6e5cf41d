// eddy bench speculation MODEL PROMPT ANSWER: how much sooner an answer comes when it is guessed.
#pragma once

#include <functional>

#include "cli/command.h"
#include "eddy/result.h"

namespace eddy {

// Adds the subcommand to `bench`; what runs it.
std::function<Result<ExitCode>()> add_bench_speculation(CLI::App& bench);

}  // namespace eddy
