#include "text/special_tokens.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace eddy {

SpecialTokens::SpecialTokens(std::vector<Special> specials) {
  std::erase_if(specials, [](const Special& special) { return special.text.empty(); });
  std::ranges::sort(specials, [](const Special& a, const Special& b) {
    return std::tuple(b.text.size(), a.token) < std::tuple(a.text.size(), b.token);
  });
  for (const Special& special : specials) {
    ranked_.push_back({special.token, special.text.size(), -1});
    is_first_byte_[static_cast<unsigned char>(special.text[0])] = true;
  }
  build(specials);
}

// Each node stands for the special tokens first .. last - 1, in order of their texts, that start
// with the `depth` bytes on the way to it.
void SpecialTokens::build(const std::vector<Special>& specials) {
  struct Range {
    std::size_t first, last, depth;
    std::int32_t prefix;  // the longest special token on the way
  };
  std::vector<std::int32_t> order(specials.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  const auto text = [&](std::size_t i) {
    return specials[static_cast<std::size_t>(order[i])].text;
  };
  std::ranges::stable_sort(
      order, {}, [&](std::int32_t rank) { return specials[static_cast<std::size_t>(rank)].text; });

  std::vector<Range> ranges = {{0, order.size(), 0, -1}};
  nodes_.push_back({});
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    auto [first, last, depth, prefix] = ranges[i];
    for (; first < last && text(first).size() == depth; ++first) {
      ranked_[static_cast<std::size_t>(order[first])].prefix = prefix;
      if (nodes_[i].rank < 0) nodes_[i].rank = order[first];
    }
    if (nodes_[i].rank >= 0) prefix = nodes_[i].rank;
    nodes_[i].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (first < last) {
      const char byte = text(first)[depth];
      std::size_t end = first;
      while (end < last && text(end)[depth] == byte) ++end;
      ranges.push_back({first, end, depth + 1, prefix});
      nodes_.push_back({.byte = byte});
      ++nodes_[i].n_children;
      first = end;
    }
  }
}

const SpecialTokens::Node* SpecialTokens::child(const Node& node, char byte) const {
  const Node* const first = nodes_.data() + node.first_child;
  const Node* const last = first + node.n_children;
  const Node* const found =
      std::find_if(first, last, [&](const Node& child) { return child.byte == byte; });
  return found == last ? nullptr : found;
}

// The rank of the longest special token that the text starts with; -1: none.
std::int32_t SpecialTokens::longest_at(std::string_view text) const {
  if (!is_first_byte_[static_cast<unsigned char>(text[0])]) return -1;
  std::int32_t longest = -1;
  const Node* node = &nodes_[0];
  for (const char byte : text) {
    node = child(*node, byte);
    if (!node) break;
    if (node->rank >= 0) longest = node->rank;
  }
  return longest;
}

SpecialTokens::Waiting SpecialTokens::find_all(std::string_view text) const {
  Waiting waiting;
  for (std::size_t place = 0; place < text.size(); ++place) {
    const std::int32_t rank = longest_at(text.substr(place));
    if (rank >= 0) waiting[rank].push_back(place);
  }
  return waiting;
}

// A special token that does not fit at its place any more, because a longer one has taken its end,
// makes room for the longest one that it starts with. All that have taken bytes so far are at least
// as long, so bytes are free if the first and the last of them are.
std::vector<SpecialTokens::Match> SpecialTokens::choose(std::string_view text,
                                                        Waiting waiting) const {
  std::vector<Match> matches;
  std::vector<char> taken(text.size());
  while (!waiting.empty()) {
    auto [rank, places] = std::move(*waiting.begin());
    waiting.erase(waiting.begin());
    std::ranges::sort(places);
    for (const std::size_t place : places) {
      if (taken[place]) continue;
      std::int32_t fits = rank;
      while (fits >= 0 && taken[place + n_bytes(fits) - 1]) {
        fits = ranked_[static_cast<std::size_t>(fits)].prefix;
      }
      if (fits < 0) continue;
      if (fits != rank) {
        waiting[fits].push_back(place);
        continue;
      }
      std::fill_n(taken.begin() + static_cast<std::ptrdiff_t>(place), n_bytes(rank), char{1});
      matches.push_back({place, rank});
    }
  }
  std::ranges::sort(matches, {}, &Match::place);
  return matches;
}

std::vector<Fragment> SpecialTokens::split(std::string_view text) const {
  std::vector<Fragment> fragments;
  std::size_t done = 0;
  const auto add_text_until = [&](std::size_t end) {
    if (end > done) fragments.push_back({text.substr(done, end - done)});
  };
  for (const Match& match : choose(text, find_all(text))) {
    add_text_until(match.place);
    done = match.place + n_bytes(match.rank);
    fragments.push_back({text.substr(match.place, done - match.place),
                         ranked_[static_cast<std::size_t>(match.rank)].token});
  }
  add_text_until(text.size());
  return fragments;
}

}  // namespace eddy
