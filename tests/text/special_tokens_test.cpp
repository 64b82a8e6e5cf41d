// The search for special tokens against the plain one: one token after the other, the longest
// first, through all of the text that is left.
#include "text/special_tokens.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace eddy::test {
namespace {

// "ab", [1], ... : a text, or the number of a special token.
using Parts = std::vector<std::string>;

struct NaiveFragment {
  std::string text;
  bool is_token = false;
};

Parts naive_split(std::vector<std::string> specials, const std::string& text) {
  std::vector<std::pair<std::string, std::size_t>> ordered;
  for (std::size_t i = 0; i < specials.size(); ++i) ordered.emplace_back(specials[i], i);
  std::ranges::stable_sort(
      ordered, [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::vector<NaiveFragment> fragments = {{text}};
  for (const auto& [special, id] : ordered) {
    std::vector<NaiveFragment> next;
    for (const NaiveFragment& fragment : fragments) {
      std::string rest = fragment.text;
      while (!fragment.is_token && !special.empty() && rest.find(special) != rest.npos) {
        const std::size_t at = rest.find(special);
        next.push_back({rest.substr(0, at)});
        next.push_back({fmt::format("[{}]", id), true});
        rest = rest.substr(at + special.size());
      }
      next.push_back({rest, fragment.is_token});
    }
    fragments = next;
  }
  Parts parts;
  for (const NaiveFragment& fragment : fragments) {
    if (!fragment.text.empty()) parts.push_back(fragment.text);
  }
  return parts;
}

Parts split(const std::vector<std::string>& specials, std::string_view text) {
  std::vector<SpecialTokens::Special> list;
  for (std::size_t i = 0; i < specials.size(); ++i) {
    list.push_back({specials[i], Token(static_cast<std::int32_t>(i))});
  }
  std::ranges::reverse(list);  // the order must not matter
  Parts parts;
  for (const Fragment& fragment : SpecialTokens(list).split(text)) {
    parts.push_back(fragment.token ? fmt::format("[{}]", fragment.token->value)
                                   : std::string(fragment.text));
  }
  return parts;
}

TEST(SpecialTokens, AreFoundTheLongestFirst) {
  EXPECT_EQ(split({"ab", "bcd"}, "abcd"), (Parts{"a", "[1]"}));
  EXPECT_EQ(split({"a", "ab", "abc", "bcde"}, "abcde"), (Parts{"[0]", "[3]"}));
  EXPECT_EQ(split({"ab", "bc"}, "abcab"), (Parts{"[0]", "c", "[0]"}));
  EXPECT_EQ(split({"bc", "ab"}, "abcab"), (Parts{"a", "[0]", "[1]"}));
  EXPECT_EQ(split({"aa"}, "aaaaa"), (Parts{"[0]", "[0]", "a"}));
  EXPECT_EQ(split({"x", "x"}, "x"), (Parts{"[0]"}));
}

TEST(SpecialTokens, MakeRoomFromTheLeft) {
  EXPECT_EQ(split({"aa", "aaaq", "qqqqq"}, "aaaqqqqq"), (Parts{"[0]", "a", "[2]"}));
}

TEST(SpecialTokens, TakeNothingFromTextWithoutThem) {
  EXPECT_EQ(split({}, "abc"), (Parts{"abc"}));
  EXPECT_EQ(split({""}, "abc"), (Parts{"abc"}));
  EXPECT_EQ(split({"abcd"}, "abc"), (Parts{"abc"}));
  EXPECT_EQ(split({"a"}, ""), Parts{});
}

TEST(SpecialTokens, MatchBytes) {
  const std::string null(1, '\0');
  EXPECT_EQ(split({null, "\xFF"}, "a" + null + "\xFF"), (Parts{"a", "[0]", "[1]"}));
}

TEST(SpecialTokens, AreThoseOfThePlainSearch) {
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    const auto word = [&](std::size_t most) {
      std::string text(random() % (most + 1), 'a');
      for (char& c : text) c = static_cast<char>('a' + random() % (1 + seed % 3));
      return text;
    };
    std::vector<std::string> specials(1 + random() % 8);
    for (std::string& special : specials) special = word(6);
    const std::string text = word(24);
    ASSERT_EQ(split(specials, text), naive_split(specials, text)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace eddy::test
