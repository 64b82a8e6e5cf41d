// The longest text of a set, against looking at all of them.
#include "text/byte_trie.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace eddy::test {
namespace {

using Texts = std::vector<std::string_view>;

TEST(ByteTrie, FindsTheLongest) {
  const ByteTrie trie(Texts{"a", "abc", "", "ab", "\xFF", "abc"});
  EXPECT_EQ(trie.longest("abcd").number, 1);
  EXPECT_EQ(trie.longest("abcd").n_bytes, 3u);
  EXPECT_EQ(trie.longest("abd").number, 3);
  EXPECT_EQ(trie.longest("a").number, 0);
  EXPECT_EQ(trie.longest("\xFF\xFF").n_bytes, 1u);
  EXPECT_EQ(trie.longest("bc").number, -1);
  EXPECT_EQ(trie.longest("").number, -1);
}

TEST(ByteTrie, FindsNothingInNothing) {
  EXPECT_EQ(ByteTrie().longest("a").number, -1);
  EXPECT_EQ(ByteTrie(Texts{""}).longest("a").number, -1);
}

TEST(ByteTrie, FindsAllBytesAtAllDepths) {
  std::vector<std::string> texts;
  for (int first = 0; first < 256; ++first) {
    for (int second = -1; second < 256; ++second) {
      std::string& text = texts.emplace_back(1, static_cast<char>(first));
      if (second >= 0) text += static_cast<char>(second);
    }
  }
  const ByteTrie trie(Texts(texts.begin(), texts.end()));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(trie.longest(texts[i]).number, static_cast<std::int32_t>(i));
  }
}

TEST(ByteTrie, AgreesWithThePlainSearch) {
  std::mt19937 random(1);
  const auto word = [&](std::size_t most, unsigned n_letters) {
    std::string text(random() % (most + 1), 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % n_letters);
    return text;
  };
  for (unsigned round = 0; round < 2000; ++round) {
    std::vector<std::string> texts(random() % 12);
    for (std::string& text : texts) text = word(6, 1 + round % 3);
    const std::string text = word(10, 1 + round % 3);
    ByteTrie::Match expected;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].size() <= expected.n_bytes || !text.starts_with(texts[i])) continue;
      expected = {static_cast<std::int32_t>(i), texts[i].size()};
    }
    const auto found = ByteTrie(Texts(texts.begin(), texts.end())).longest(text);
    ASSERT_EQ(found.number, expected.number) << round;
    ASSERT_EQ(found.n_bytes, expected.n_bytes) << round;
  }
}

}  // namespace
}  // namespace eddy::test
