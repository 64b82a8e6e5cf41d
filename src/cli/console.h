// The terminal: is there one, and a progress bar that shows only there.
//
// Threading: the main thread.
#pragma once

#include <string>
#include <string_view>

namespace eddy {

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();

// A line on standard error such as "loading  [#####     ]  50 %", drawn again when it changes and
// wiped at the end. Without a terminal there it writes nothing at all.
class ProgressBar {
 public:
  explicit ProgressBar(std::string_view label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(double fraction);  // 0 .. 1

 private:
  std::string label_;
  bool is_shown_;
  int percent_ = -1;
};

}  // namespace eddy
