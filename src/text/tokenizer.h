// Text to tokens and back.
//
//   EDDY_TRY_ASSIGN(const auto tokenizer, load_tokenizer(file));
//   const std::vector<Token> tokens = tokenizer->encode("Once", true, false);
//
// Invariants:
//   I1  For every string of bytes x, also ill-formed UTF-8, the bytes of encode(x, false, false)
//       are x, if the vocabulary has a token for each byte. Bytes that it has no token for become
//       the unknown token (SentencePiece) or nothing (BPE); World vocabularies have them all.
//   I2  Special tokens come from text only if parse_special says so: data is never a command.
//   I3  The time is O(n log n) for n bytes of any text, times the length of the longest token.
//
// Threading: immutable.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"
#include "formats/gguf.h"

namespace eddy {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // begin: `text` begins a text, and what the model's habit puts there comes first: the token that
  // begins a text, and SentencePiece's leading space. Otherwise it lies inside a text, and nothing
  // is added. No end token is ever added: an answer follows.
  // parse_special: texts of special tokens become these tokens.
  virtual std::vector<Token> encode(std::string_view text, bool begin,
                                    bool parse_special) const = 0;

  // What the token stands for; may end inside a code point. "" for special tokens (control and
  // unknown), unused ones and those outside the vocabulary.
  virtual std::string bytes(Token token) const = 0;

  // Whether the token ends an answer.
  virtual bool is_end(Token token) const = 0;
};

// The tokenizer that the file's metadata describe (tokenizer.ggml.*). kMalformed; kUnsupported: a
// tokenizer model or pre-tokenizer that is not known. The file need not outlive the tokenizer.
Result<std::unique_ptr<const Tokenizer>> load_tokenizer(const GgufFile& file);

}  // namespace eddy
