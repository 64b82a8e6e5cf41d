// The tokens of a vocabulary while it is put together from files, in any order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eddy/result.h"
#include "text/vocabulary.h"

namespace eddy::convert {

class TokenList {
 public:
  // n_vocab tokens, none of them known. The vocabulary outlives the list.
  TokenList(Vocabulary& vocabulary, std::int64_t n_vocab);
  // The tokens that it has.
  explicit TokenList(Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  // kMalformed: an id outside 0 .. n_vocab - 1, or one that is known already.
  Status add(std::int64_t id, std::string text, TokenType type, float score = 0);

  // A token that was added to the vocabulary after training: a control token if it is marked
  // special or looks like one, else a user-defined one. It may be known already, with this text.
  // Keeps the types of unknown and byte tokens.
  Status add_added(std::int64_t id, std::string text, bool is_special);

  // Names the tokens that are not known: "[PAD7]", unused.
  void fill_holes();

 private:
  Status check(std::int64_t id, std::string_view text) const;

  Vocabulary& vocabulary_;
};

// The first token of this text.
std::optional<Token> find_token(const Vocabulary& vocabulary, std::string_view text);

}  // namespace eddy::convert
