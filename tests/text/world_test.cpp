// RWKV's World vocabulary, from files: every token comes back, and wrong files are named.
#include "text/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

#include "text/python_repr.h"
#include "vocabularies.h"
#include "vocabulary_keys.h"

namespace eddy::test {
namespace {

using Strings = std::vector<std::string>;
using Ids = std::vector<std::int32_t>;

// As files have them: <s>, the 256 bytes, then these.
Keys world_keys(const Strings& more) {
  Strings texts = {"<s>"};
  for (int byte = 0; byte < 256; ++byte) {
    texts.push_back(repr_of_bytes(std::string(1, static_cast<char>(byte))));
  }
  texts.insert(texts.end(), more.begin(), more.end());
  Ids types(texts.size(), 1);
  types[0] = 3;
  return Keys().set("model", "rwkv").set("tokens", texts).set("token_type", types);
}

TEST(World, TakesTheLongestTokenAtEachPlace) {
  const auto tokenizer = world_keys({"ab", "abcd", "bc", "\\n\\n", "\\xe4\\xb8"}).load();
  ASSERT_TRUE(succeeds(tokenizer));
  const auto encode = [&](std::string_view text) {
    return ids((*tokenizer)->encode(text, true, false));
  };
  EXPECT_EQ(encode("abcd"), (Ids{258}));
  EXPECT_EQ(encode("abc"), (Ids{257, 1 + 'c'})) << "not a and bc";
  EXPECT_EQ(encode("\n\n\n"), (Ids{260, 1 + '\n'}));
  EXPECT_EQ(encode("\xE4\xB8\xAD"), (Ids{261, 1 + 0xAD})) << "tokens may end inside a character";
  EXPECT_EQ(encode("<s>"), (Ids{1 + '<', 1 + 's', 1 + '>'}));
  EXPECT_EQ(ids((*tokenizer)->encode("<s>a", true, true)), (Ids{0, 1 + 'a'}));
}

// As large as the published one. Half of the texts are another one and a byte, so that many are the
// beginnings of others.
Strings many_texts(std::size_t n) {
  std::mt19937 random(1);
  Strings texts;
  std::unordered_set<std::string> known;
  while (texts.size() < n) {
    std::string text(2 + random() % 8, ' ');
    for (char& c : text) c = static_cast<char>(random());
    if (random() % 2 && !texts.empty()) {
      text = texts[random() % texts.size()] + text[0];
      if (text.size() > 128) continue;
    }
    if (known.insert(text).second) texts.push_back(text);
  }
  return texts;
}

TEST(World, GivesBackEachOfMoreThan65000Tokens) {
  const Strings bytes = many_texts(65529 - 256);
  Strings texts;
  for (const std::string& text : bytes) texts.push_back(repr_of_bytes(text));
  const auto tokenizer = world_keys(texts).load();
  ASSERT_TRUE(succeeds(tokenizer));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto token = static_cast<std::int32_t>(257 + i);
    ASSERT_EQ((*tokenizer)->bytes(Token(token)), bytes[i]);
    ASSERT_EQ(ids((*tokenizer)->encode(bytes[i], false, false)), (Ids{token}));
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    ASSERT_EQ(ids((*tokenizer)->encode(text, false, false)), (Ids{1 + byte}));
  }
}

TEST(World, PutsNothingBeforeAText) {
  const auto tokenizer =
      world_keys({}).set("bos_token_id", std::uint32_t{0}).set("add_bos_token", true).load();
  ASSERT_TRUE(succeeds(tokenizer));
  EXPECT_EQ(ids((*tokenizer)->encode("a", true, true)), (Ids{1 + 'a'}));
}

TEST(World, EndsAnAnswerAtSpecialTokensOnly) {
  const auto silent = world_keys({"\\n\\n", "<|im_end|>"}).load();
  ASSERT_TRUE(succeeds(silent));
  EXPECT_TRUE((*silent)->is_end(Token(0)));
  EXPECT_FALSE((*silent)->is_end(Token(258))) << "text is no marker";
  EXPECT_EQ((*silent)->bytes(Token(258)), "<|im_end|>");
  const auto blank_line = world_keys({"\\n\\n"}).set("eot_token_id", std::uint32_t{257}).load();
  ASSERT_TRUE(succeeds(blank_line));
  EXPECT_FALSE((*blank_line)->is_end(Token(257)));
  EXPECT_TRUE((*blank_line)->is_end(Token(0)));
  Ids types(258, 1);
  types[0] = types[257] = 3;
  const auto marked =
      world_keys({"<end>"}).set("token_type", types).set("eot_token_id", std::uint32_t{257}).load();
  ASSERT_TRUE(succeeds(marked));
  EXPECT_TRUE((*marked)->is_end(Token(257)));
}

TEST(World, RefusesWrongVocabularies) {
  const auto refuses = [](const Keys& keys, std::string_view message) {
    EXPECT_TRUE(fails_with(keys.load(), ErrorCode::kMalformed,
                           {"m.gguf: tokenizer.ggml.tokens: ", message}));
  };
  for (const std::string escape : {"\\", "\\q", "\\x4", "\\xzz", "\\u0041"}) {
    refuses(world_keys({"ab", escape}), "element 258: \"");
  }
  refuses(world_keys({"\\q"}), "expected bytes with the escapes");
  refuses(world_keys({"ab", "ab"}), "element 258: \"ab\", as element 257, expected another");
  refuses(world_keys({"a"}), "element 257: \"a\", as element 98, expected another");
  refuses(world_keys({"\\x61b", "ab"}), "element 258: \"ab\", as element 257, expected another");
  for (const int byte : {0, 0x7F, 0xFF}) {
    Strings texts = {"<s>"};
    for (int other = 0; other < 256; ++other) {
      const std::string text(other == byte ? 2 : 1, static_cast<char>(other));
      texts.push_back(repr_of_bytes(text));
    }
    refuses(Keys().set("model", "rwkv").set("tokens", texts),
            fmt::format("no token for the byte 0x{:02x}, expected one for each", byte));
  }
}

TEST(World, RefusesTextsThatCostMemoryTogether) {
  Strings texts;
  for (int i = 0; i < (16 << 10) + 1; ++i) {
    std::string& text = texts.emplace_back(std::to_string(i));
    text.resize(1024, 'a');
  }
  EXPECT_TRUE(fails_with(world_keys(texts).load(), ErrorCode::kMalformed,
                         {"bytes of tokens, expected at most 16777216"}));
}

TEST(World, LetsOtherTypesRepeatTexts) {
  Ids types(260, 1);
  types[0] = 3;
  types[257] = types[258] = 5;
  types[259] = 4;
  const auto tokenizer = world_keys({"[PAD]", "[PAD]", "\\n"}).set("token_type", types).load();
  ASSERT_TRUE(succeeds(tokenizer));
  EXPECT_EQ((*tokenizer)->bytes(Token(257)), "");
  EXPECT_EQ((*tokenizer)->bytes(Token(259)), "\\n") << "only normal tokens are escaped";
  EXPECT_EQ(ids((*tokenizer)->encode("[PAD]", false, false)).size(), 5u);
}

}  // namespace
}  // namespace eddy::test
