#include "engine/stop_filter.h"

#include <algorithm>
#include <cassert>

namespace eddy {
namespace {

// fallback[n]: of the first n bytes, the length of the longest proper prefix that is a suffix too.
std::vector<std::size_t> make_fallback(std::string_view pattern) {
  std::vector<std::size_t> fallback(pattern.size() + 1, 0);
  std::size_t border = 0;
  for (std::size_t n = 2; n <= pattern.size(); ++n) {
    while (border > 0 && pattern[n - 1] != pattern[border]) border = fallback[border];
    if (pattern[n - 1] == pattern[border]) ++border;
    fallback[n] = border;
  }
  return fallback;
}

}  // namespace

StopFilter::StopFilter(std::span<const std::string> stops) {
  for (const std::string& stop : stops) {
    assert(!stop.empty());
    automata_.push_back({.pattern = stop, .fallback = make_fallback(stop)});
  }
}

void StopFilter::Automaton::advance(char byte) {
  while (n_matched > 0 && pattern[n_matched] != byte) n_matched = fallback[n_matched];
  if (pattern[n_matched] == byte) ++n_matched;
}

std::string_view StopFilter::push(std::string_view text) {
  std::size_t n_held = 0;
  for (const char byte : text) {
    if (stopped_) break;
    text_ += byte;
    n_held = 0;
    std::size_t n_stop = 0;
    for (Automaton& automaton : automata_) {
      automaton.advance(byte);
      n_held = std::max(n_held, automaton.n_matched);
      if (automaton.n_matched == automaton.pattern.size()) {
        n_stop = std::max(n_stop, automaton.n_matched);
      }
    }
    if (n_stop == 0) continue;
    stopped_ = true;
    text_.resize(text_.size() - n_stop);
    n_held = 0;
  }
  return text.empty() ? std::string_view() : show_up_to(text_.size() - n_held);
}

std::string_view StopFilter::finish() { return show_up_to(text_.size()); }

std::string_view StopFilter::show_up_to(std::size_t end) {
  const std::size_t first = n_shown_;
  n_shown_ = std::max(n_shown_, end);
  return std::string_view(text_).substr(first, n_shown_ - first);
}

}  // namespace eddy
