// Byte-level BPE against the loop that it is defined by.
#include <gtest/gtest.h>

#include "vocabularies.h"

namespace eddy::test {
namespace {

using Ids = std::vector<std::int32_t>;

std::string random_bytes(std::mt19937& random, std::string_view bytes, std::size_t most) {
  std::string text(random() % (most + 1), ' ');
  for (char& c : text) c = bytes[random() % bytes.size()];
  return text;
}

TEST(Bpe, MergesTheBestPairUntilThereIsNone) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const std::string_view bytes = seed % 2 ? "abcd" : "ab\xC3\xA9";
    const Vocabulary vocabulary = random_bpe(random, bytes, seed % 3 ? 40 : 8);
    const auto tokenizer = tokenizer_of(vocabulary);
    for (int i = 0; i < 40; ++i) {
      const std::string text = random_bytes(random, bytes == "abcd" ? "abcd" : "ab", 40);
      ASSERT_EQ(ids(tokenizer->encode(text, false, false)), ids(naive_bpe(vocabulary, text)))
          << "seed " << seed << ": " << text;
      ASSERT_EQ(bytes_of(*tokenizer, tokenizer->encode(text, false, false)), text);
    }
  }
}

TEST(Bpe, MergesBytesOfCharacters) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.merges = {alphabet_text(0xC3) + " " + alphabet_text(0xA9)};
  const std::int32_t e = add_token(vocabulary, alphabet_text("\xC3\xA9"));
  const auto tokenizer = tokenizer_of(vocabulary);
  EXPECT_EQ(ids(tokenizer->encode("\xC3\xA9\xC3", false, false)), (Ids{e, 0xC3}));
  EXPECT_EQ(tokenizer->bytes(Token(e)), "\xC3\xA9");
}

TEST(Bpe, MergesInsidePiecesOnly) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.merges = {"a 1", "a b"};
  add_token(vocabulary, "a1");
  const std::int32_t ab = add_token(vocabulary, "ab");
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("a1ab", false, false)), (Ids{'a', '1', ab}));
}

TEST(Bpe, TakesAWholePieceFirstWhereTheFamilyDoes) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.merges = {"b c"};
  add_token(vocabulary, "bc");
  const std::int32_t abc = add_token(vocabulary, "abc");  // no merge makes it
  add_token(vocabulary, "xyz", TokenType::kControl);
  for (const std::string pre : {"dbrx", "llama-bpe"}) {
    vocabulary.pre = pre;
    const Ids expected = pre == "dbrx" ? Ids{'a', abc - 1} : Ids{abc};
    const auto tokenizer = tokenizer_of(vocabulary);
    EXPECT_EQ(ids(tokenizer->encode("abc", false, false)), expected) << pre;
    EXPECT_EQ(ids(tokenizer->encode("xyz", false, false)), (Ids{'x', 'y', 'z'})) << pre;
  }
}

TEST(Bpe, GoesOnThroughTextsThatAreNoTokens) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.merges = {"a b", "ab c"};
  const std::int32_t abc = add_token(vocabulary, "abc");
  const auto tokenizer = tokenizer_of(vocabulary);
  EXPECT_EQ(ids(tokenizer->encode("abcab", false, false)), (Ids{abc, 'a', 'b'}));
}

TEST(Bpe, TakesNoWholePieceThatOnlyMergesKnow) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.pre = "llama-bpe";
  vocabulary.merges = {"a b"};
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("ab", false, false)), (Ids{'a', 'b'}));
}

TEST(Bpe, LetsTheFirstOfEqualTextsAndMergesCount) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.merges = {"a b", "b c", "a b"};
  const std::int32_t ab = add_token(vocabulary, "ab");
  add_token(vocabulary, "ab");
  add_token(vocabulary, "bc");
  add_token(vocabulary, "a");
  const auto tokenizer = tokenizer_of(vocabulary);
  EXPECT_EQ(ids(tokenizer->encode("abca", false, false)), (Ids{ab, 'c', 'a'}));
  EXPECT_EQ(tokenizer->bytes(Token(ab + 1)), "ab");
}

TEST(Bpe, LeavesOutBytesThatAreNoToken) {
  Vocabulary vocabulary;
  vocabulary.pre = "gpt-2";
  add_token(vocabulary, "a");
  vocabulary.merges = {"b b"};
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("abba\xFF", false, false)), (Ids{0, 0}));
}

TEST(Bpe, IgnoresMergesThatCannotHappen) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.merges = {"\xE4\xB8\xAD a", "a \xFF", "  a", "a  b", "ab"};
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("a b", false, false)), (Ids{'a', ' ', 'b'}));
}

TEST(Bpe, GivesBackWhatATokenStandsFor) {
  Vocabulary vocabulary = byte_bpe();
  const auto bytes = [&](std::string text, TokenType type) {
    const std::int32_t token = add_token(vocabulary, std::move(text), type);
    return tokenizer_of(vocabulary)->bytes(Token(token));
  };
  EXPECT_EQ(bytes(alphabet_text(" \n\xE4"), TokenType::kNormal), " \n\xE4");
  EXPECT_EQ(bytes("\xE4\xB8\xAD a", TokenType::kNormal), "\xE4\xB8\xAD a") << "not the alphabet";
  EXPECT_EQ(bytes(alphabet_text(" "), TokenType::kUserDefined), alphabet_text(" "));
  EXPECT_EQ(bytes("a", TokenType::kControl), "");
  EXPECT_EQ(bytes("a", TokenType::kUnknown), "");
  EXPECT_EQ(bytes("a", TokenType::kUnused), "");
  EXPECT_EQ(bytes("", TokenType::kNormal), "");
  const auto tokenizer = tokenizer_of(vocabulary);
  EXPECT_EQ(tokenizer->bytes(Token(-1)), "");
  EXPECT_EQ(tokenizer->bytes(Token(vocabulary.n_tokens())), "");
}

}  // namespace
}  // namespace eddy::test
