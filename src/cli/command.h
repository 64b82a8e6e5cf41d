// A subcommand of the eddy program: its options and what it does. One file for each.
//
// Threading: the main thread.
#pragma once

#include <functional>
#include <span>

#include "eddy/result.h"

namespace CLI {
class App;
}  // namespace CLI

namespace eddy {

// Exit codes of the program. kUsage is an ErrorCode::kInvalidArgument or a bad command line.
enum class ExitCode { kOk = 0, kError = 1, kUsage = 2, kInterrupted = 130 };

struct Command {
  CLI::App* app = nullptr;
  std::function<Result<ExitCode>()> run;
};

// Adds a subcommand with its options to the program.
using AddCommand = Command (*)(CLI::App& program);

Command add_run(CLI::App& program);
Command add_batch(CLI::App& program);
Command add_inspect(CLI::App& program);
Command add_tokenize(CLI::App& program);
Command add_logits(CLI::App& program);
Command add_perplexity(CLI::App& program);
Command add_bench(CLI::App& program);
Command add_convert(CLI::App& program);
Command add_quantize(CLI::App& program);
Command add_state(CLI::App& program);
Command add_completion(CLI::App& program);

}  // namespace eddy
