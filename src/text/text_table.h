// Texts by number, and numbers by text.
//
// Two texts may be equal; find() knows the first of them that was indexed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace eddy {

class TextTable {
 public:
  // Adds a text, which gets the next number, from 0 on.
  std::int32_t push_back(std::string_view text);

  // Makes find() find the text of this number, unless it finds an equal one already.
  void index(std::int32_t number);

  // -1 if no such text is indexed. O(bytes), and O(1) for a text longer than all that are.
  std::int32_t find(std::string_view text) const;

  std::int32_t size() const { return static_cast<std::int32_t>(ends_.size()); }
  std::string_view operator[](std::int32_t number) const;

 private:
  std::size_t slot_of(std::string_view text) const;
  void grow();

  std::vector<char> bytes_;
  std::vector<std::size_t> ends_;    // of each text in bytes_
  std::vector<std::int32_t> slots_;  // a hash table of numbers, -1: free; a power of two
  std::size_t n_indexed_ = 0;
  std::size_t longest_ = 0;  // bytes of the longest indexed text
};

}  // namespace eddy
