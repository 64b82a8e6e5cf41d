// How pre-tokenizers cut a text: each rule finds the end of the first piece of a text.
//
// A rule sees what is left of the text, never what lies before; the end of what it sees is the end
// of the text to its look-ahead. It does what the pattern beside it does where it is searched again
// and again (ordered alternatives, greedy), and what the pattern does not match is a piece too. In
// the patterns
//   CONTRACTION  '[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]
//   TAIL         \s*[\r\n]+|\s+(?!\S)|\s+
//
// Time: linear in the text, all pieces together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "text/char_kind.h"

namespace eddy {

struct Char {
  char32_t code_point;
  CharKind kind;
  std::uint8_t n_bytes;
};

// The characters, at least one, of the first piece of the text, which is not empty.
using SplitRule = std::size_t (*)(std::span<const Char> text);

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t split_gpt2(std::span<const Char> text);

// CONTRACTION|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|TAIL
std::size_t split_llama3(std::span<const Char> text);

// The same with \p{N}.
std::size_t split_qwen2(std::span<const Char> text);

// CONTRACTION|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|TAIL
std::size_t split_qwen35(std::span<const Char> text);

// PREFIX?UPPER*LOWER+|PREFIX?UPPER+LOWER*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|TAIL, where PREFIX is
// [^\r\n\p{L}\p{N}], UPPER a letter outside a-z and LOWER a letter outside A-Z. (The original knows
// the case of all letters; vocabularies in GGUF files are used with this simpler one.)
std::size_t split_tekken(std::span<const Char> text);

// HAN+|[^\r\n\p{L}\p{N}]?WORD+(CONTRACTION)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|TAIL, where HAN
// is a Chinese character, and WORD any other letter.
std::size_t split_kimi_k2(std::span<const Char> text);

// --- Rules for one kind of thing; the gaps between are pieces too -------------------------------
std::size_t split_number(std::span<const Char> text);            // \p{N}
std::size_t split_numbers(std::span<const Char> text);           // \p{N}+
std::size_t split_three_digits(std::span<const Char> text);      // [0-9][0-9][0-9]
std::size_t split_punctuation(std::span<const Char> text);       // [\p{P}$+<=>^~|]+
std::size_t split_punctuation_tick(std::span<const Char> text);  // [\p{P}$+<=>^~|`]+

}  // namespace eddy
