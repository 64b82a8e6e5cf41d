// The alternatives that the patterns of split_rules.h share.
#pragma once

#include <cstddef>
#include <span>

#include "text/split_rules.h"

namespace eddy {

using Chars = std::span<const Char>;

inline bool is_letter(const Char& c) { return c.kind == CharKind::kLetter; }
inline bool is_number(const Char& c) { return c.kind == CharKind::kNumber; }
inline bool is_space(const Char& c) { return c.kind == CharKind::kSpace; }
inline bool is_line_break(const Char& c) { return c.code_point == '\r' || c.code_point == '\n'; }

// [^\s\p{L}\p{N}]
inline bool is_rest(const Char& c) { return !is_space(c) && !is_letter(c) && !is_number(c); }

// [^\r\n\p{L}\p{N}]
inline bool may_precede_word(const Char& c) {
  return !is_line_break(c) && !is_letter(c) && !is_number(c);
}

// The end of the run of such characters from `at` on; `at` where there is none.
template <class Predicate>
std::size_t run_end(Chars text, std::size_t at, const Predicate& predicate) {
  while (at < text.size() && predicate(text[at])) ++at;
  return at;
}

// The characters of a contraction at the start, 's 't 'm 'd 're 've 'll; 0: there is none.
std::size_t contraction(Chars text, bool any_case);

// " ?REST+FOLLOWER*"; 0 where it does not match.
template <class Rest, class Follower>
std::size_t rest_run(Chars text, const Rest& rest, const Follower& follower) {
  const std::size_t start = text[0].code_point == ' ' ? 1 : 0;
  const std::size_t end = run_end(text, start, rest);
  return end == start ? 0 : run_end(text, end, follower);
}

// \p{N}{1,most}; 0 where it does not match.
std::size_t number(Chars text, std::size_t most);

// \s*[\r\n]+|\s+(?!\S)|\s+, without the first alternative unless `lines`. What is no white space is
// a piece of one character.
std::size_t white_space(Chars text, bool lines);

}  // namespace eddy
