#include "cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <system_error>
#include <vector>

#include "cli/command.h"

namespace eddy {
namespace {

constexpr AddCommand kSubcommands[] = {
    add_run,   add_batch,   add_inspect,  add_tokenize, add_logits,     add_perplexity,
    add_bench, add_convert, add_quantize, add_state,    add_completion,
};

constexpr const char* kFooter = R"(Examples:
  eddy run model.gguf -p "Once upon a time"
  eddy run model.gguf
  eddy inspect model.gguf
  eddy COMMAND --help

Exit codes: 0 success, 1 error, 2 wrong usage, 130 interrupted.)";

// One line, whatever the message holds: CLI11 and file names may contain line breaks.
void print_error(std::string message) {
  while (!message.empty() && message.back() == '\n') message.pop_back();
  for (char& c : message) c = static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  std::fputs(fmt::format("eddy: {}\n", message).c_str(), stderr);
}

int exit_code(const Result<ExitCode>& result) {
  if (result) return static_cast<int>(*result);
  print_error(result.error().message);
  const bool is_usage = result.error().code == ErrorCode::kInvalidArgument;
  return static_cast<int>(is_usage ? ExitCode::kUsage : ExitCode::kError);
}

int write_failure() {
  print_error("cannot write to standard output");
  return static_cast<int>(ExitCode::kError);
}

// Buffered output that cannot be written is an error like any other, unless there was one before.
int flushed(int code) {
  const bool is_written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  const bool has_failed =
      code == static_cast<int>(ExitCode::kError) || code == static_cast<int>(ExitCode::kUsage);
  return is_written || has_failed ? code : write_failure();
}

int run_command(const Command& command) {
  try {
    return flushed(exit_code(command.run()));
  } catch (const std::system_error&) {
    return write_failure();  // fmt throws where it cannot write
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
    return static_cast<int>(ExitCode::kError);
  }
}

int parse_failure(const CLI::App& program, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return flushed(program.exit(error));  // --help, --version
  print_error(error.what());
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace

int run_program(int argc, char** argv) {
  // The line editor moves by characters, not bytes, also where no locale is set.
  if (!std::setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
  CLI::App program("eddy runs recurrent language models: Mamba, RWKV and Griffin.", "eddy");
  program.set_version_flag("--version", std::string("eddy " EDDY_VERSION));
  program.require_subcommand(1);
  program.footer(kFooter);
  std::vector<Command> commands;
  for (const auto add : kSubcommands) commands.push_back(add(program));
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parse_failure(program, error);
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return run_command(command);
  }
  return 0;
}

}  // namespace eddy
