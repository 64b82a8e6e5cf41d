// RWKV's World tokenizer: at each place the longest token that the text goes on with.
//
// Only normal tokens come out of text: it never becomes a control token this way, and user-defined
// ones were found before.
#pragma once

#include <string_view>
#include <vector>

#include "text/byte_trie.h"
#include "text/subwords.h"
#include "text/text_table.h"
#include "text/vocabulary.h"

namespace eddy {

class World final : public Subwords {
 public:
  explicit World(const Vocabulary& vocabulary);

  // O(n * m) for n bytes and tokens of up to m bytes.
  void encode(std::string_view text, std::vector<Token>& out) const override;
  std::string_view bytes(Token token) const override { return texts_[token.value]; }

 private:
  TextTable texts_;  // by token; what it stands for
  ByteTrie trie_;    // the normal ones, by token
};

}  // namespace eddy
