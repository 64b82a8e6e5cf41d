// A set of texts as a trie: the longest of them that a text starts with.
//
// Threading: immutable.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace eddy {

class ByteTrie {
 public:
  struct Match {
    std::int32_t number = -1;  // of the text in the set; -1: none
    std::size_t n_bytes = 0;
  };

  // Texts are numbered from 0 on. An empty one is never found; of equal ones the first is. They
  // need not outlive the call. 13 bytes of memory for each byte of the texts, at most.
  explicit ByteTrie(std::span<const std::string_view> texts = {});

  // O(bytes of the longest text).
  Match longest(std::string_view text) const;

 private:
  // What stands at the end of the bytes on the way to it. Node 0 is the root. The children of a
  // node lie together, and so do the bytes that lead to them.
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t n_children = 0;
    std::int32_t number = -1;
  };

  std::uint32_t child(std::uint32_t node, char byte) const;

  std::vector<Node> nodes_;
  std::vector<char> bytes_;                    // by node: the last byte on the way to it
  std::array<std::uint32_t, 256> roots_ = {};  // the root's children by byte; 0: none
};

}  // namespace eddy
