// The part of a tokenizer that turns text without special tokens into tokens; one class for each
// tokenizer model.
//
// Threading: immutable.
#pragma once

#include <string_view>
#include <vector>

#include "eddy/types.h"

namespace eddy {

// A text is given to encode() in parts of at most this many bytes, so that positions fit 32 bits.
inline constexpr std::size_t kMaxPartBytes = std::size_t{1} << 30;

class Subwords {
 public:
  virtual ~Subwords() = default;

  // Appends the text's tokens: only such whose bytes() are the text.
  virtual void encode(std::string_view text, std::vector<Token>& out) const = 0;

  // What a token of the vocabulary stands for; see Tokenizer::bytes.
  virtual std::string_view bytes(Token token) const = 0;
};

}  // namespace eddy
