// A standard output or error that takes nothing more: an error, and never the end by a signal.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

struct ShellOutcome {
  int code = -1;
  std::string err;
};

// Runs `eddy args` in a shell: args may redirect what they like but standard error.
ShellOutcome shell(const std::string& args) {
  const std::string err = scratch_directory() + "/stderr.txt";
  const std::string command = "{ '" EDDY_PROGRAM "' " + args + " ; } 2> '" + err + "'";
  const int status = std::system(command.c_str());
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .err = read_file(err)};
}

TEST(Unwritable, AFullStandardOutputIsAnErrorOfOneLine) {
  const std::string model = "'" + model_path() + "'";
  const std::string story = write_file("story.txt", std::string(50000, 'q'));  // beyond all buffers
  const std::string line = write_file("line.txt", "the tale of a door");
  const std::string ids =
      write_file("many.txt", run_eddy({"tokenize", model_path()}, "the tale").out);
  const std::vector<std::string> all = {"--help",
                                        "completion bash",
                                        "tokenize " + model + " < '" + story + "'",
                                        "tokenize " + model + " --text < '" + story + "'",
                                        "inspect " + model + " --json",
                                        "logits " + model + " --tokens '" + ids + "' --out -",
                                        "perplexity " + model + " '" + line + "'",
                                        "run " + model + " -p x -n 5",
                                        "batch " + model + " -n 5 < '" + line + "'"};
  for (const std::string& args : all) {
    const ShellOutcome outcome = shell(args + " > /dev/full");
    EXPECT_EQ(outcome.code, 1) << args << ": " << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_TRUE(outcome.err.starts_with("eddy: ")) << args << ": " << outcome.err;
  }
}

TEST(Unwritable, AFullStandardErrorChangesNoExitCode) {
  EXPECT_EQ(shell("inspect no-such-file 2> /dev/full").code, 1);
  EXPECT_EQ(shell("sing 2> /dev/full").code, 2);
}

}  // namespace
}  // namespace eddy::cli_test
