// What a file says about its tokenizer, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eddy/types.h"

namespace eddy {

// Part of the format, never renumber.
enum class TokenType : std::int32_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,  // stands for its text as it is, and is always found in text
  kUnused = 5,
  kByte = 6,
};

// Whether a text is searched for the token's text, always or on request.
constexpr bool is_special(TokenType type) {
  return type == TokenType::kUnknown || type == TokenType::kControl ||
         type == TokenType::kUserDefined;
}

enum class VocabularyModel {
  kBpe,    // byte-level BPE; texts and merges are in the alphabet of byte_alphabet.h
  kSpm,    // SentencePiece; U+2581 in a text is a space
  kWorld,  // RWKV's World; texts of normal tokens are bytes
};

struct Vocabulary {
  VocabularyModel model = VocabularyModel::kBpe;
  std::string pre = "default";      // BPE: a name of pre_tokenizer.h
  std::vector<std::string> texts;   // by token, as the file has them (World: unescaped); >= 1
  std::vector<TokenType> types;     // as many as texts
  std::vector<float> scores;        // SPM: as many as texts, none NaN
  std::vector<std::string> merges;  // BPE: "left right", best first

  // Those that there are; all inside the vocabulary.
  std::optional<Token> bos, eos, unknown;
  std::optional<Token> eot, eom;                   // end of turn, end of message
  std::optional<Token> fim_pre, fim_suf, fim_mid;  // "fill in the middle"
  std::optional<Token> fim_pad, fim_rep, fim_sep;

  std::optional<bool> add_bos;  // nullopt: the habit of the pre-tokenizer
  bool add_space_prefix = false;

  std::int32_t n_tokens() const { return static_cast<std::int32_t>(texts.size()); }
  TokenType type(std::int32_t token) const { return types[static_cast<std::size_t>(token)]; }
  const std::string& text(std::int32_t token) const {
    return texts[static_cast<std::size_t>(token)];
  }
};

}  // namespace eddy
