#include "text/byte_trie.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace eddy {

// Each node stands for the texts first .. last - 1, in their order, that start with the `depth`
// bytes on the way to it.
ByteTrie::ByteTrie(std::span<const std::string_view> texts) {
  struct Range {
    std::uint32_t first, last, depth;
  };
  std::vector<std::int32_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto by_number = [&](std::int32_t number) {
    return texts[static_cast<std::size_t>(number)];
  };
  std::ranges::stable_sort(order, {}, by_number);
  const auto text = [&](std::uint32_t i) { return by_number(order[i]); };

  std::vector<Range> ranges = {{0, static_cast<std::uint32_t>(order.size()), 0}};
  nodes_.push_back({});
  bytes_.push_back(0);
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto [first, last, depth] = ranges[i];
    for (; first < last && text(first).size() == depth; ++first) {
      if (nodes_[i].number < 0) nodes_[i].number = order[first];
    }
    nodes_[i].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (first < last) {
      const char byte = text(first)[depth];
      std::uint32_t end = first;
      while (end < last && text(end)[depth] == byte) ++end;
      if (i == 0)
        roots_[static_cast<unsigned char>(byte)] = static_cast<std::uint32_t>(nodes_.size());
      ranges.push_back({first, end, depth + 1});
      nodes_.push_back({});
      bytes_.push_back(byte);
      ++nodes_[i].n_children;
      first = end;
    }
  }
}

// 0: there is none.
std::uint32_t ByteTrie::child(std::uint32_t node, char byte) const {
  const auto [first_child, n_children, number] = nodes_[node];
  if (n_children == 0) return 0;
  const char* const bytes = bytes_.data() + first_child;
  const void* const found = std::memchr(bytes, byte, n_children);
  if (!found) return 0;
  return first_child + static_cast<std::uint32_t>(static_cast<const char*>(found) - bytes);
}

ByteTrie::Match ByteTrie::longest(std::string_view text) const {
  Match match;
  if (text.empty()) return match;
  std::uint32_t node = roots_[static_cast<unsigned char>(text[0])];
  for (std::size_t n_bytes = 1; node != 0; ++n_bytes) {
    if (nodes_[node].number >= 0) match = {nodes_[node].number, n_bytes};
    node = n_bytes < text.size() ? child(node, text[n_bytes]) : 0;
  }
  return match;
}

}  // namespace eddy
