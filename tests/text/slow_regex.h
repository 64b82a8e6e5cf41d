// A small regular expression matcher, as slow and as plain as can be: the patterns of
// pre-tokenizers as they are published, ordered alternatives, greedy, with full backtracking.
//
// It knows literals, \r \n \s \S \p{X} \u{hex}, [...] and [^...] with ranges, (...) (?:...) (?=...)
// (?!...), |, and the quantifiers ? * + {m,n}. The categories are read from the table of
// Unicode 15.1 in tools/, not from src/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace eddy::test {

// The major category of a code point, 'L', 'M', ...; '-' if it is unassigned.
char category(char32_t code_point);
bool is_white_space(char32_t code_point);

class SlowRegex {
 public:
  explicit SlowRegex(std::string_view pattern);
  ~SlowRegex();
  SlowRegex(SlowRegex&&) noexcept;

  // The text cut at the start and the end of every match.
  std::vector<std::u32string> split(std::u32string_view text) const;

  struct Node;

 private:
  std::unique_ptr<const Node> root_;
};

std::string utf8(std::u32string_view text);

}  // namespace eddy::test
