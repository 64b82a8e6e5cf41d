#include "cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "make_model/architectures.h"
#include "make_model/write_model.h"

namespace eddy::cli_test {
namespace {

constexpr int kPatienceMs = 60000;  // far more than anything here takes

int exit_code(int pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// In the child process, after fork.
[[noreturn]] void become_eddy(const Args& args) {
  setenv("HOME", scratch_directory().c_str(), 1);
  setenv("TERM", "xterm", 1);
  setenv("LC_ALL", "C.UTF-8", 1);
  unsetenv("XDG_STATE_HOME");
  unsetenv("XDG_DATA_HOME");
  std::vector<char*> argv = {const_cast<char*>("eddy")};
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  execv(EDDY_PROGRAM, argv.data());
  _exit(127);
}

struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() { EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0); }
};

// Moves what is there from fd to text; false at the end of the stream.
bool drain(int fd, std::string& text) {
  std::array<char, 4096> buffer;
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
  return n > 0;
}

void feed(int& fd, std::string_view& input) {
  const ssize_t n = write(fd, input.data(), input.size());
  if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
  if (n > 0 && !input.empty()) return;
  close(fd);
  fd = -1;
}

}  // namespace

Outcome run_eddy(const Args& args, std::string_view input) {
  std::signal(SIGPIPE, SIG_IGN);  // a program that does not read its input is no fault of the test
  Pipe in, out, err;
  scratch_directory();
  const int pid = fork();
  if (pid == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    dup2(in.ends[0], 0);
    dup2(out.ends[1], 1);
    dup2(err.ends[1], 2);
    become_eddy(args);
  }
  close(in.ends[0]);
  close(out.ends[1]);
  close(err.ends[1]);
  Outcome outcome;
  pollfd fds[3] = {{in.ends[1], POLLOUT, 0}, {out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
  while (fds[1].fd >= 0 || fds[2].fd >= 0) {
    if (poll(fds, 3, kPatienceMs) <= 0) {
      ADD_FAILURE() << "eddy hangs";
      kill(pid, SIGKILL);
      break;
    }
    if (fds[0].revents != 0) feed(fds[0].fd, input);
    if (fds[1].revents != 0 && !drain(fds[1].fd, outcome.out)) fds[1].fd = -1;
    if (fds[2].revents != 0 && !drain(fds[2].fd, outcome.err)) fds[2].fd = -1;
  }
  if (fds[0].fd >= 0) close(fds[0].fd);
  close(out.ends[0]);
  close(err.ends[0]);
  outcome.code = exit_code(pid);
  return outcome;
}

testing::AssertionResult is_one_error_line(const Outcome& outcome, int code) {
  const bool is_one_line = outcome.err.starts_with("eddy: ") &&
                           std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1 &&
                           outcome.err.ends_with('\n');
  if (outcome.code == code && is_one_line && outcome.out.empty()) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "code " << outcome.code << ", output \"" << outcome.out
                                     << "\", errors \"" << outcome.err << "\"";
}

Terminal::Terminal(const Args& args) {
  scratch_directory();
  const winsize size = {.ws_row = 24, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ == 0) become_eddy(args);
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    exit_code(pid_);
  }
  close(fd_);
}

void Terminal::type(std::string_view keys) {
  ASSERT_EQ(write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

bool Terminal::shows(std::string_view text) {
  for (;;) {
    const std::size_t at = screen_.find(text, n_found_);
    if (at != std::string::npos && !screen_.empty()) {
      n_found_ = at + text.size();
      return true;
    }
    if (!read_more()) return false;
  }
}

int Terminal::wait() {
  while (read_more()) continue;
  const int code = exit_code(pid_);
  pid_ = -1;
  return code;
}

bool Terminal::read_more() {
  pollfd fd = {fd_, POLLIN, 0};
  if (poll(&fd, 1, kPatienceMs) > 0) return drain(fd_, screen_);
  ADD_FAILURE() << "eddy is silent; the screen so far:\n" << screen_;
  return false;
}

const std::string& scratch_directory() {
  static const struct Directory {
    std::string path = testing::TempDir() + "eddy_cli_test." + std::to_string(getpid());
    Directory() { std::filesystem::create_directories(path); }
    ~Directory() { std::filesystem::remove_all(path); }
  } directory;
  return directory.path;
}

make_model::Plan tiny_plan(DType type) {
  return *make_model::find_architecture("mamba")->plan("tiny", type);
}

std::string write_plan(const std::string& name, const make_model::Plan& plan) {
  const std::string path = scratch_directory() + "/" + name;
  const Status written = make_model::write_model(plan, 1, path);
  EXPECT_TRUE(written.ok()) << written.error().message;
  return path;
}

const std::string& model_path() {
  static const std::string path = write_plan("tiny.gguf", tiny_plan());
  return path;
}

std::string write_file(const std::string& name, std::string_view bytes) {
  const std::string path = scratch_directory() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace eddy::cli_test
