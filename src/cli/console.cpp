#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace eddy {
namespace {

constexpr int kBarWidth = 30;

}  // namespace

bool stdin_is_terminal() { return isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }

ProgressBar::ProgressBar(std::string_view label) : label_(label), is_shown_(stderr_is_terminal()) {}

ProgressBar::~ProgressBar() {
  if (percent_ < 0) return;
  fmt::print(stderr, "\r\x1b[K");  // carriage return, erase to the end of the line
  std::fflush(stderr);
}

void ProgressBar::update(double fraction) {
  const int percent = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100);
  if (!is_shown_ || percent == percent_) return;
  percent_ = percent;
  const int n_full = percent * kBarWidth / 100;
  fmt::print(stderr, "\r{}  [{:#<{}}{:{}}] {:3} %", label_, "", n_full, "", kBarWidth - n_full,
             percent);
  std::fflush(stderr);
}

}  // namespace eddy
