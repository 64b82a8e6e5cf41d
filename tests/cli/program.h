// Runs the eddy program as a person or a script does: through pipes, or at a terminal.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "make_model/plan.h"

namespace eddy::cli_test {

using Args = std::vector<std::string>;

struct Outcome {
  int code = -1;  // exit code; 128 + signal number if a signal ended it
  std::string out;
  std::string err;
};

// Runs `eddy args...` with this standard input to its end.
Outcome run_eddy(const Args& args, std::string_view input = {});

// Whether it ended with this code, one line on standard error and nothing on standard output.
testing::AssertionResult is_one_error_line(const Outcome& outcome, int code);

constexpr const char* kEndOfInput = "\x04";  // Ctrl-D

// Runs it at a terminal of its own: standard input and error, and output too unless it is a pipe.
class Terminal {
 public:
  explicit Terminal(const Args& args);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(std::string_view keys);

  // Reads on until the terminal has shown this text after what earlier calls have found; of an
  // empty text: until it has shown anything. False if the program ends or is silent for a long
  // time.
  bool shows(std::string_view text);

  // Reads to the end of the program. Its exit code.
  int wait();

  const std::string& screen() const { return screen_; }  // all bytes so far

 private:
  bool read_more();

  int fd_ = -1;
  int pid_ = -1;
  std::string screen_;
  std::size_t n_found_ = 0;
};

// A directory that goes with the test program. HOME of all runs.
const std::string& scratch_directory();

// The plan of a tiny random Mamba model.
make_model::Plan tiny_plan(DType type = DType::kF32);

// Writes a plan's model into the directory; its path.
std::string write_plan(const std::string& name, const make_model::Plan& plan);

// The model of tiny_plan() in it.
const std::string& model_path();

// Writes a file into it; its path.
std::string write_file(const std::string& name, std::string_view bytes);
std::string read_file(const std::string& path);

}  // namespace eddy::cli_test
