// Finds the texts of special tokens in a text.
//
// The longest special token takes all places where its text is, from the left to the right, then
// the next one (of equal length: the lower id) all that are still free, and so on. "bcd" and "ab"
// in "abcd" are "a" and bcd: neither what a search from the left finds, nor one for the longest at
// each place.
//
// Threading: immutable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "eddy/types.h"
#include "text/byte_trie.h"

namespace eddy {

// A special token, or text between them, never empty.
struct Fragment {
  std::string_view text;
  std::optional<Token> token = std::nullopt;
};

class SpecialTokens {
 public:
  struct Special {
    std::string_view text;
    Token token;
  };

  // In any order. Empty texts are never found; of equal texts the lower id is. The texts need not
  // outlive the call.
  explicit SpecialTokens(std::vector<Special> specials);

  // The fragments are the text. O(n * m) for n bytes and special tokens of up to m bytes, however
  // many there are.
  std::vector<Fragment> split(std::string_view text) const;

 private:
  // The special tokens by rank, the longest first.
  struct Ranked {
    Token token;
    std::size_t n_bytes;
    std::int32_t prefix;  // the longest other one that this one's text starts with; -1: none
  };
  struct Match {
    std::size_t place;
    std::int32_t rank;
  };
  // By rank: places where this special token is the longest that may still be.
  using Waiting = std::map<std::int32_t, std::vector<std::size_t>>;

  Waiting find_all(std::string_view text) const;
  std::vector<Match> choose(std::string_view text, Waiting waiting) const;
  std::size_t n_bytes(std::int32_t rank) const {
    return ranked_[static_cast<std::size_t>(rank)].n_bytes;
  }

  ByteTrie trie_;  // by rank
  std::vector<Ranked> ranked_;
};

}  // namespace eddy
