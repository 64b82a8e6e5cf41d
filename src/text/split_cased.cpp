// The rules of Tekken and Kimi-K2, which look inside words.
#include <algorithm>

#include "text/split_parts.h"

namespace eddy {
namespace {

// A letter outside ASCII counts as both.
bool may_be_upper(const Char& c) {
  return is_letter(c) && !(c.code_point >= 'a' && c.code_point <= 'z');
}
bool may_be_lower(const Char& c) {
  return is_letter(c) && !(c.code_point >= 'A' && c.code_point <= 'Z');
}

// UPPER*LOWER+|UPPER+LOWER*; the text starts with a letter.
std::size_t cased_word(Chars text) {
  const std::size_t upper_end = run_end(text, 0, may_be_upper);
  const std::size_t lower_end = run_end(text, upper_end, may_be_lower);
  if (lower_end > upper_end) return lower_end;
  // UPPER* gives back until LOWER+ has a letter: the last one that counts as both.
  for (std::size_t n = upper_end; n > 0; --n) {
    if (may_be_lower(text[n - 1])) return n;
  }
  return upper_end;
}

bool is_han(const Char& c) {
  struct Range {
    char32_t first, last;
  };
  constexpr Range kRanges[] = {
      {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},
      {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F},
      {0x2B820, 0x2CEAF}, {0x2CEB0, 0x2EBEF}, {0x2F800, 0x2FA1F},
  };
  return std::ranges::any_of(kRanges, [&](const Range& range) {
    return c.code_point >= range.first && c.code_point <= range.last;
  });
}

bool is_other_letter(const Char& c) { return is_letter(c) && !is_han(c); }

}  // namespace

std::size_t split_tekken(Chars text) {
  if (is_letter(text[0])) return cased_word(text);
  if (text.size() > 1 && is_letter(text[1]) && may_precede_word(text[0])) {
    return 1 + cased_word(text.subspan(1));
  }
  if (is_number(text[0])) return 1;
  const auto may_follow = [](const Char& c) { return is_line_break(c) || c.code_point == '/'; };
  if (const std::size_t n = rest_run(text, is_rest, may_follow)) return n;
  return white_space(text, true);
}

std::size_t split_kimi_k2(Chars text) {
  if (const std::size_t n = run_end(text, 0, is_han)) return n;
  const bool has_prefix = text.size() > 1 && is_other_letter(text[1]) && may_precede_word(text[0]);
  if (has_prefix || is_other_letter(text[0])) {
    const std::size_t end = run_end(text, 1, is_other_letter);
    return end == text.size() ? end : end + contraction(text.subspan(end), true);
  }
  if (const std::size_t n = number(text, 3)) return n;
  if (const std::size_t n = rest_run(text, is_rest, is_line_break)) return n;
  return white_space(text, true);
}

}  // namespace eddy
