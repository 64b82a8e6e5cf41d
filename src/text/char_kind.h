// What the patterns of pre-tokenizers know of a character: its major general category, or that it
// is white space.
//
// The categories are those of Unicode 15.1, whatever the system has: a vocabulary's splits must not
// change with the machine.
#pragma once

#include <cstdint>

namespace eddy {

enum class CharKind : std::uint8_t {
  kOther,        // controls, unassigned
  kLetter,       // \p{L}
  kMark,         // \p{M}
  kNumber,       // \p{N}
  kPunctuation,  // \p{P}
  kSymbol,       // \p{S}
  kSpace,        // \s: \p{Z}, U+0009 to U+000D and U+0085
};

// Code points above U+10FFFF are kOther.
CharKind char_kind(char32_t code_point);

}  // namespace eddy
