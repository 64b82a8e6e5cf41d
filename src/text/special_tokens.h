// Finds the texts of special tokens in a text.
//
// The longest special token takes all places where its text is, from the left to the right, then
// the next one (of equal length: the lower id) all that are still free, and so on. "bcd" and "ab"
// in "abcd" are "a" and bcd: neither what a search from the left finds, nor one for the longest at
// each place.
//
// Threading: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "eddy/types.h"

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
  // A node of the trie of all texts; the root is node 0.
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t n_children = 0;
    std::int32_t rank = -1;  // of the special token that ends here
    char byte = 0;
  };
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

  void build(const std::vector<Special>& specials);
  const Node* child(const Node& node, char byte) const;
  std::int32_t longest_at(std::string_view text) const;
  Waiting find_all(std::string_view text) const;
  std::vector<Match> choose(std::string_view text, Waiting waiting) const;
  std::size_t n_bytes(std::int32_t rank) const {
    return ranked_[static_cast<std::size_t>(rank)].n_bytes;
  }

  std::vector<Node> nodes_;  // the children of a node lie together, in order of byte
  std::array<bool, 256> is_first_byte_ = {};
  std::vector<Ranked> ranked_;
};

}  // namespace eddy
