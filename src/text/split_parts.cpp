#include "text/split_parts.h"

#include <algorithm>

namespace eddy {

std::size_t contraction(Chars text, bool any_case) {
  if (text[0].code_point != '\'') return 0;
  const auto at = [&](std::size_t i) -> char32_t {
    if (i >= text.size()) return 0;
    const char32_t c = text[i].code_point;
    return any_case && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
  };
  const char32_t first = at(1), second = at(2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' || first == 'v') && second == 'e') return 3;
  return first == 'l' && second == 'l' ? 3 : 0;
}

std::size_t number(Chars text, std::size_t most) {
  return run_end(text.first(std::min(most, text.size())), 0, is_number);
}

std::size_t white_space(Chars text, bool lines) {
  const std::size_t end = run_end(text, 0, is_space);
  if (end == 0) return 1;
  if (lines) {
    for (std::size_t n = end; n > 0; --n) {
      if (is_line_break(text[n - 1])) return n;
    }
  }
  return end > 1 && end < text.size() ? end - 1 : end;
}

}  // namespace eddy
