// Reads lines from a terminal with editing and a history that lasts (libedit).
//
// Threading: the main thread; one editor at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eddy {

class LineEditor {
 public:
  // What the beginning of a line may become: whole lines that begin with it.
  using Complete = std::function<std::vector<std::string>(std::string_view line)>;

  // Reads from standard input, shows the prompt and what is typed on standard error. The history
  // is kept in the file, or not at all if its name is empty or it cannot be read.
  LineEditor(std::string prompt, std::string history_file, Complete complete = {});
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // The next line without its end; nullopt at the end of the input. Ctrl-C drops what was typed
  // and starts a new line.
  std::optional<std::string> read();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// $XDG_STATE_HOME/eddy/history, or below ~/.local/state; the directory is made. Empty if there is
// no home.
std::string default_history_file();

}  // namespace eddy
