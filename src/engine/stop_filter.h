// Watches a text that grows for stop strings, and tells how much of it may be shown already.
//
// One Knuth-Morris-Pratt automaton for each stop string: O(stop strings) for each byte, whatever
// the texts. The stop string that is complete first ends the text; of those complete at the same
// byte the longest counts.
//
// Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace eddy {

class StopFilter {
 public:
  // None of the stop strings may be empty.
  explicit StopFilter(std::span<const std::string> stops);

  // Appends text; returns what became safe to show, valid until the next call. Held back is the
  // longest end of the text that begins a stop string. After a stop nothing is appended any more.
  std::string_view push(std::string_view text);

  // The end of the text: what was held back is no stop string after all.
  std::string_view finish();

  bool stopped() const { return stopped_; }
  const std::string& text() const {
    return text_;
  }  // shown and held back; cut before a stop string

 private:
  struct Automaton {
    std::string pattern;
    std::vector<std::size_t> fallback;  // length of the longest border of each prefix
    std::size_t n_matched = 0;
    void advance(char byte);
  };

  std::string_view show_up_to(std::size_t end);

  std::vector<Automaton> automata_;
  std::string text_;
  std::size_t n_shown_ = 0;
  bool stopped_ = false;
};

}  // namespace eddy
