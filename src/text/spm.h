// SentencePiece's BPE: characters are merged as long as two adjacent symbols make the text of a
// token, always those whose token has the highest score, of equal ones the leftmost. A character
// that is no token is written as the tokens of its bytes.
//
// The texts of tokens are taken with spaces for U+2581, so text is merged as it is. A U+2581 in the
// text itself is then in no token's text: it becomes byte tokens and is not mistaken for a space.
//
// Only normal tokens come out of merges: text never becomes a control token this way, and
// user-defined ones were found before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/merge_queue.h"
#include "text/subwords.h"
#include "text/text_table.h"
#include "text/vocabulary.h"

namespace eddy {

class Spm final : public Subwords {
 public:
  explicit Spm(const Vocabulary& vocabulary);

  void encode(std::string_view text, std::vector<Token>& out) const override;
  std::string_view bytes(Token token) const override { return texts_[token.value]; }

 private:
  // A symbol of the text that is being merged, at the place of its first byte.
  struct Symbol {
    std::int32_t token = -1;     // -1: a character that is no token
    std::uint32_t n_bytes = 0;   // 0: merged into the one before, or inside a character
    std::uint32_t previous = 0;  // place of the symbol before; kNowhere at the start
  };
  struct Candidate {
    float score;
    std::uint32_t place;    // of the left symbol
    std::uint32_t n_bytes;  // of both symbols
    std::int32_t token;     // what they make
  };
  struct IsWorse {
    bool operator()(const Candidate& a, const Candidate& b) const {
      return a.score != b.score ? a.score < b.score : a.place > b.place;
    }
  };
  struct Work {
    std::vector<Symbol> symbols;
    MergeQueue<Candidate, IsWorse> queue;
  };

  void add_tokens(const Vocabulary& vocabulary);
  void add_bytes(const Vocabulary& vocabulary);

  void start(std::string_view text, Work& work) const;
  std::optional<Candidate> candidate_at(std::uint32_t place, std::string_view text,
                                        const std::vector<Symbol>& symbols) const;
  void merge_all(std::string_view text, Work& work) const;
  void write(std::string_view text, const Work& work, std::vector<Token>& out) const;

  TextTable texts_;                            // by token; what it stands for
  std::vector<float> scores_;                  // by token
  std::array<std::int32_t, 256> byte_tokens_;  // of each byte; -1: none
};

}  // namespace eddy
