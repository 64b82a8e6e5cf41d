// The first character of a text.
//
// A byte that belongs to no well-formed code point (Unicode 15, table 3-7) is a character of its
// own, of one byte. It is never replaced, so what is made of all characters is the text again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace eddy {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Utf8Char {
  char32_t code_point = kReplacement;  // of an ill-formed byte: kReplacement
  std::uint8_t n_bytes = 1;
};

// The text must not be empty.
Utf8Char first_utf8_char(std::string_view text);

}  // namespace eddy
