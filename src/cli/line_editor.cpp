#include "cli/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <filesystem>

#include "cli/interrupt.h"

namespace eddy {
namespace {

constexpr int kHistoryLines = 1000;

// While it lives, SIGINT waits. read_key lets it in where it would wait itself: no Ctrl-C can fall
// between the look at it and the wait for a key.
class HoldInterrupts {
 public:
  HoldInterrupts() {
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &previous_);
  }
  ~HoldInterrupts() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  HoldInterrupts(const HoldInterrupts&) = delete;
  HoldInterrupts& operator=(const HoldInterrupts&) = delete;

 private:
  sigset_t previous_;
};

// Waits for input; -1 and EINTR when a Ctrl-C was noted.
int wait_for_input() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  sigdelset(&mask, SIGINT);
  while (!interrupt_is_noted()) {
    pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int n = ppoll(&input, 1, nullptr, &mask);
    if (n >= 0 || errno != EINTR) return n;
  }
  errno = EINTR;
  return -1;
}

// libedit's way to get a character: 1, 0 at the end of the input, or -1.
int read_key(::EditLine*, wchar_t* key) {
  std::mbstate_t state = {};
  for (;;) {
    if (wait_for_input() < 0) return -1;
    char byte = 0;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n <= 0) return static_cast<int>(n);
    const std::size_t length = std::mbrtowc(key, &byte, 1, &state);
    if (length == static_cast<std::size_t>(-2)) continue;  // more bytes to come
    if (length == static_cast<std::size_t>(-1)) *key = L'?';
    return 1;
  }
}

// Precondition: there is a choice. Not cut inside a code point.
std::string common_beginning(const std::vector<std::string>& choices) {
  std::string common = choices.front();
  for (const std::string& choice : choices) {
    const auto ends = std::ranges::mismatch(common, choice);
    common.erase(ends.in1, common.end());
  }
  const auto is_inside = [&](std::size_t n) {
    const std::string& whole = choices.front();
    return n < whole.size() && (static_cast<unsigned char>(whole[n]) & 0xC0) == 0x80;
  };
  while (!common.empty() && is_inside(common.size())) common.pop_back();
  return common;
}

}  // namespace

struct LineEditor::Impl {
  std::string prompt;
  std::string history_file;
  ::EditLine* editor = nullptr;
  ::History* history = nullptr;
  ::HistEvent event = {};
  Complete complete;

  static Impl& of(::EditLine* editor) {
    void* data = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<Impl*>(data);
  }

  // What Tab does: writes what all choices have in common, else shows them.
  unsigned char complete_line() {
    const ::LineInfo* const info = ::el_line(editor);
    const std::string line(info->buffer, info->cursor);
    const std::vector<std::string> choices =
        complete && info->cursor == info->lastchar ? complete(line) : std::vector<std::string>();
    if (choices.empty()) return CC_REFRESH_BEEP;
    const std::string common = common_beginning(choices);
    if (common.size() > line.size()) {
      ::el_insertstr(editor, common.c_str() + line.size());
      return CC_REFRESH;
    }
    if (choices.size() == 1) return CC_REFRESH;  // it is complete
    std::fputs("\n", stderr);
    for (const std::string& choice : choices) std::fprintf(stderr, "%s\n", choice.c_str());
    return CC_REDISPLAY;
  }

  void remember(const char* line) {
    ::history(history, &event, H_ENTER, line);
    if (!history_file.empty()) ::history(history, &event, H_SAVE, history_file.c_str());
  }
};

LineEditor::LineEditor(std::string prompt, std::string history_file, Complete complete)
    : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.prompt = std::move(prompt);
  impl.history_file = std::move(history_file);
  impl.complete = std::move(complete);
  impl.editor = ::el_init("eddy", stdin, stderr, stderr);
  impl.history = ::history_init();
  ::history(impl.history, &impl.event, H_SETSIZE, kHistoryLines);
  ::history(impl.history, &impl.event, H_SETUNIQUE, 1);
  if (!impl.history_file.empty()) {
    ::history(impl.history, &impl.event, H_LOAD, impl.history_file.c_str());
  }
  ::el_set(impl.editor, EL_CLIENTDATA, &impl);
  ::el_set(
      impl.editor, EL_PROMPT, +[](::EditLine* editor) { return Impl::of(editor).prompt.data(); });
  ::el_set(impl.editor, EL_HIST, ::history, impl.history);
  ::el_set(impl.editor, EL_GETCFN, read_key);
  ::el_set(impl.editor, EL_EDITOR, "emacs");
  ::el_set(impl.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
#if defined(__SANITIZE_ADDRESS__)
  const __lsan::ScopedDisabler never_freed;  // the editor's own copies of these two texts
#endif
  ::el_set(
      impl.editor, EL_ADDFN, "eddy-complete", "complete a command",
      +[](::EditLine* editor, int) { return Impl::of(editor).complete_line(); });
  ::el_set(impl.editor, EL_BIND, "^I", "eddy-complete", nullptr);
  ::el_source(impl.editor, nullptr);  // the person's own ~/.editrc
}

LineEditor::~LineEditor() {
  ::history_end(impl_->history);
  ::el_end(impl_->editor);
}

std::optional<std::string> LineEditor::read() {
  forget_interrupt();
  const HoldInterrupts scope;
  for (;;) {
    int n = 0;
    errno = 0;
    // Before the prompt: keys typed right after it, Ctrl-D too, must find the terminal ready.
    ::el_set(impl_->editor, EL_PREP_TERM, 1);
    const char* line = ::el_gets(impl_->editor, &n);
    if (line != nullptr && n > 0) {
      std::string text(line, static_cast<std::size_t>(n));
      if (text.back() == '\n') text.pop_back();
      if (!text.empty()) impl_->remember(text.c_str());
      return text;
    }
    if (errno != EINTR) return std::nullopt;
    forget_interrupt();  // it dropped the line
    ::el_reset(impl_->editor);
    std::fputs("\n", stderr);
  }
}

std::string default_history_file() {
  namespace fs = std::filesystem;
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  fs::path directory;
  if (state != nullptr && *state != '\0') {
    directory = state;
  } else if (home != nullptr && *home != '\0') {
    directory = fs::path(home) / ".local" / "state";
  } else {
    return {};
  }
  directory /= "eddy";
  std::error_code error;
  fs::create_directories(directory, error);
  return error ? std::string() : (directory / "history").string();
}

}  // namespace eddy
