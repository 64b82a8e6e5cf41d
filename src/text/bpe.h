// Byte-level BPE: the pieces of the pre-tokenizer, each merged from its bytes, always the adjacent
// pair of lowest rank, of equal ones the leftmost.
//
// Symbols are numbered: those below n_tokens are the tokens of this number, the others are texts of
// merges that are no token. A symbol of the latter kind that is left at the end is written as the
// tokens of its bytes, and a byte that is no token is left out.
//
// Only normal tokens come out of merges: text never becomes a control token this way, and
// user-defined ones were found before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "text/merge_queue.h"
#include "text/pair_table.h"
#include "text/pre_tokenizer.h"
#include "text/subwords.h"
#include "text/text_table.h"
#include "text/vocabulary.h"

namespace eddy {

class Bpe final : public Subwords {
 public:
  Bpe(const Vocabulary& vocabulary, const PreTokenizer& pre_tokenizer);

  void encode(std::string_view text, std::vector<Token>& out) const override;
  std::string_view bytes(Token token) const override { return texts_[token.value]; }

 private:
  // A symbol of the piece that is being merged, at the place of its first byte.
  struct Symbol {
    std::int32_t id;
    std::uint32_t previous, next;  // places; kNowhere, and the size of the piece, at the ends
    std::uint32_t rank;            // of the merge with the next one; PairTable::kNone
  };
  struct Work {
    std::vector<Symbol> symbols;
    MergeQueue<std::uint64_t, std::greater<>> queue;  // rank << 32 | place
  };

  void add_tokens(const Vocabulary& vocabulary);
  void add_bytes();
  void add_merges(const std::vector<std::string>& merges);
  std::int32_t symbol_of(std::string_view bytes);

  void encode_piece(std::string_view piece, Work& work, std::vector<Token>& out) const;
  void start(std::string_view piece, Work& work) const;
  bool rate(std::uint32_t place, std::vector<Symbol>& symbols) const;
  void merge_all(Work& work) const;
  void write(std::string_view piece, const Work& work, std::vector<Token>& out) const;

  const PreTokenizer& pre_tokenizer_;
  std::int32_t n_tokens_;
  TextTable texts_;                             // by symbol; what it stands for
  std::array<std::int32_t, 256> byte_symbols_;  // of each byte
  PairTable ranks_;                             // by symbols
  std::vector<std::int32_t> merged_;            // the symbol that a merge makes, by rank
};

}  // namespace eddy
