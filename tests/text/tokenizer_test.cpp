// What holds for every tokenizer: the bytes come back, data is never a command, and no text is
// slow.
#include "text/tokenizer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "rich_vocabularies.h"
#include "vocabularies.h"

namespace eddy::test {
namespace {

using Ids = std::vector<std::int32_t>;

struct Named {
  std::string name;
  std::unique_ptr<const Tokenizer> tokenizer;
};

const std::vector<Named>& tokenizers() {
  static const std::vector<Named> all = [] {
    std::vector<Named> made;
    for (const std::string pre : {"olmo", "llama-bpe", "qwen2", "qwen35", "falcon", "refact",
                                  "default", "tekken", "kimi-k2"}) {
      made.push_back({pre, tokenizer_of(rich_bpe(pre))});
    }
    made.push_back({"spm", tokenizer_of(rich_spm())});
    made.push_back({"world", tokenizer_of(rich_world())});
    return made;
  }();
  return all;
}

// Random bytes, and random pieces of what is special somewhere.
std::string random_text() {
  const std::vector<std::string> pieces = {"a",
                                           "b",
                                           " ",
                                           "  ",
                                           "\n",
                                           "'s",
                                           "12",
                                           "\xC3\xA9",
                                           "\xE2\x96\x81",
                                           "\xE4\xB8",
                                           "<0x0A>",
                                           "<s>",
                                           "<|reserved_7|>",
                                           "<|endoftext|>",
                                           "\xFF",
                                           std::string(1, '\0')};
  std::string text;
  for (const int i : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-256, 256))) {
    text += i < 0 ? std::string(1, static_cast<char>(i))
                  : pieces[static_cast<std::size_t>(i) % pieces.size()];
  }
  return text;
}

TEST(Tokenizer, GivesBackTheBytesOfEveryText) {
  for (const Named& named : tokenizers()) {
    const bool holds = rc::check(named.name, [&] {
      const std::string text = random_text();
      const auto tokens = named.tokenizer->encode(text, false, false);
      RC_ASSERT(bytes_of(*named.tokenizer, tokens) == text);
    });
    EXPECT_TRUE(holds);
  }
}

TEST(Tokenizer, MakesControlTokensOfTextOnRequestOnly) {
  for (const Named& named : tokenizers()) {
    const auto as_text = named.tokenizer->encode("a<|endoftext|>", false, false);
    const auto parsed = named.tokenizer->encode("a<|endoftext|>", false, true);
    ASSERT_EQ(parsed.size(), 2u) << named.name;
    EXPECT_TRUE(named.tokenizer->is_end(parsed[1])) << named.name;
    for (const Token token : as_text) {
      EXPECT_NE(token, parsed[1]) << named.name;
      EXPECT_FALSE(named.tokenizer->is_end(token)) << named.name;
    }
    EXPECT_FALSE(named.tokenizer->is_end(Token(-1)));
    EXPECT_FALSE(named.tokenizer->is_end(Token(1 << 30)));
  }
}

TEST(Tokenizer, FindsUserDefinedTokensAlways) {
  const auto tokenizer = tokenizer_of(rich_bpe("olmo"));
  for (const bool parse_special : {false, true}) {
    const auto tokens = tokenizer->encode("b" + std::string(25, ' ') + "b", false, parse_special);
    ASSERT_EQ(tokens.size(), 4u);
    EXPECT_EQ(tokenizer->bytes(tokens[1]), std::string(24, ' '));
  }
}

TEST(Tokenizer, BeginsATextAsTheModelIsUsedTo) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.bos = Token(add_token(vocabulary, "<s>", TokenType::kControl));
  const auto begin = [&] { return ids(tokenizer_of(vocabulary)->encode("a", true, false)); };
  const Ids with = {256, 'a'}, without = {'a'};
  EXPECT_EQ(begin(), without);
  vocabulary.pre = "llama-bpe";
  EXPECT_EQ(begin(), with);
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("a", false, false)), without);
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("", true, false)), (Ids{256}));
  vocabulary.add_bos = false;
  EXPECT_EQ(begin(), without);
  vocabulary.pre = "gpt-2";
  vocabulary.add_bos = true;
  EXPECT_EQ(begin(), with);
  vocabulary.bos.reset();
  EXPECT_EQ(begin(), without);
}

TEST(Tokenizer, EncodesNothing) {
  for (const Named& named : tokenizers()) {
    EXPECT_TRUE(named.tokenizer->encode("", false, false).empty()) << named.name;
  }
}

}  // namespace
}  // namespace eddy::test
