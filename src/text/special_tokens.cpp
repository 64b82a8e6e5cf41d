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
  std::vector<std::string_view> texts;
  for (const Special& special : specials) texts.push_back(special.text);
  trie_ = ByteTrie(texts);
  for (const auto& [text, token] : specials) {
    const std::string_view shorter = text.substr(0, text.size() - 1);
    ranked_.push_back({token, text.size(), trie_.longest(shorter).number});
  }
}

SpecialTokens::Waiting SpecialTokens::find_all(std::string_view text) const {
  Waiting waiting;
  for (std::size_t place = 0; place < text.size(); ++place) {
    const std::int32_t rank = trie_.longest(text.substr(place)).number;
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
