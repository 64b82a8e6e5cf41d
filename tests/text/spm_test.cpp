// SentencePiece against the loop that it is defined by.
#include <gtest/gtest.h>

#include "vocabularies.h"

namespace eddy::test {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::int32_t kByte = 3;  // the token of byte 0 in byte_spm()

TEST(Spm, MergesTheBestPairUntilThereIsNone) {
  const std::vector<std::string> characters = {"a", "b", "\xC3\xA9", std::string(kSpaceMark)};
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const Vocabulary vocabulary = random_spm(random, characters, seed % 3 ? 40 : 8);
    const auto tokenizer = tokenizer_of(vocabulary);
    for (int i = 0; i < 40; ++i) {
      std::string text;
      for (std::size_t n = random() % 40; n > 0; --n) {
        const std::string& character = characters[random() % characters.size()];
        text += character == kSpaceMark ? " " : character;
      }
      ASSERT_EQ(ids(tokenizer->encode(text, false, false)), ids(naive_spm(vocabulary, text)))
          << "seed " << seed << ": " << text;
      ASSERT_EQ(bytes_of(*tokenizer, tokenizer->encode(text, false, false)), text);
    }
  }
}

TEST(Spm, PutsASpaceBeforeTheBeginningOnly) {
  Vocabulary vocabulary = byte_spm();
  vocabulary.add_space_prefix = true;
  const std::int32_t a = add_token(vocabulary, std::string(kSpaceMark) + "a");
  const std::int32_t x = add_token(vocabulary, "<x>", TokenType::kUserDefined);
  const auto tokenizer = tokenizer_of(vocabulary);
  EXPECT_EQ(ids(tokenizer->encode("a<x>a", true, false)), (Ids{1, a, x, kByte + 'a'}));
  EXPECT_EQ(ids(tokenizer->encode("<x>a", true, false)), (Ids{1, x, kByte + 'a'}));
  EXPECT_EQ(ids(tokenizer->encode("a", false, false)), (Ids{kByte + 'a'}));
  EXPECT_EQ(ids(tokenizer->encode("", true, false)), (Ids{1}));
  vocabulary.add_space_prefix = false;
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode("a", true, false)), (Ids{1, kByte + 'a'}));
}

TEST(Spm, KeepsTheSpaceMarkApartFromTheSpace) {
  Vocabulary vocabulary = byte_spm();
  const std::int32_t space = add_token(vocabulary, std::string(kSpaceMark));
  add_token(vocabulary, std::string(kSpaceMark) + "a");
  const auto tokenizer = tokenizer_of(vocabulary);
  const std::string text = std::string(kSpaceMark) + "a ";
  EXPECT_EQ(ids(tokenizer->encode(text, false, false)),
            (Ids{kByte + 0xE2, kByte + 0x96, kByte + 0x81, kByte + 'a', space}));
  EXPECT_EQ(bytes_of(*tokenizer, tokenizer->encode(text, false, false)), text);
}

TEST(Spm, TakesNoTokenWithASpaceInItsText) {
  Vocabulary vocabulary = byte_spm();
  add_token(vocabulary, " ");
  add_token(vocabulary, " a");
  EXPECT_EQ(ids(tokenizer_of(vocabulary)->encode(" a", false, false)),
            (Ids{kByte + ' ', kByte + 'a'}));
}

TEST(Spm, MakesNoSpecialTokensOfText) {
  Vocabulary vocabulary = byte_spm();
  for (const std::string text : {"<", "s", ">", "<s", "0x0", "A", "0x0A"}) {
    add_token(vocabulary, text);
  }
  const auto tokenizer = tokenizer_of(vocabulary);
  for (const std::string text : {"<s>", "<0x0A>", "<unk>"}) {
    EXPECT_EQ(bytes_of(*tokenizer, tokenizer->encode(text, false, false)), text);
  }
  EXPECT_EQ(ids(tokenizer->encode("<s>", false, true)), (Ids{1}));
}

TEST(Spm, TakesATokenOfOneByteOrTheUnknownOneWithoutByteTokens) {
  Vocabulary vocabulary;
  vocabulary.model = VocabularyModel::kSpm;
  add_token(vocabulary, "\xC3");
  add_token(vocabulary, "a");
  EXPECT_EQ(ids(tokenizer_of(vocabulary)
                    ->encode("\xC3\xA9"
                             "a",
                             false, false)),
            (Ids{0, 1}));
  vocabulary.unknown = Token(add_token(vocabulary, "<unk>", TokenType::kUnknown));
  EXPECT_EQ(ids(tokenizer_of(vocabulary)
                    ->encode("\xC3\xA9"
                             "a",
                             false, false)),
            (Ids{0, 2, 1}));
}

TEST(Spm, GivesBackWhatATokenStandsFor) {
  Vocabulary vocabulary = byte_spm();
  const auto bytes = [&](std::string text, TokenType type) {
    const std::int32_t token = add_token(vocabulary, std::move(text), type);
    return tokenizer_of(vocabulary)->bytes(Token(token));
  };
  const std::string mark(kSpaceMark);
  EXPECT_EQ(bytes(mark + "a" + mark, TokenType::kNormal), " a ");
  EXPECT_EQ(bytes(mark + "a b", TokenType::kUserDefined), mark + "a b");
  EXPECT_EQ(bytes("<0xE4>", TokenType::kByte), "\xE4");
  EXPECT_EQ(bytes("<0x00>", TokenType::kByte), std::string(1, '\0'));
  EXPECT_EQ(bytes("<0xe4>", TokenType::kByte), "");
  EXPECT_EQ(bytes("<0xE4>", TokenType::kNormal), "<0xE4>");
  EXPECT_EQ(bytes("a", TokenType::kControl), "");
  EXPECT_EQ(bytes("a", TokenType::kUnused), "");
}

// Scores that are all equal, as in files made without the original tokenizer.
TEST(Spm, MergesFromTheLeftWhereScoresAreEqual) {
  Vocabulary vocabulary = byte_spm();
  const std::int32_t a = add_token(vocabulary, "a", TokenType::kNormal, -1000);
  const std::int32_t aa = add_token(vocabulary, "aa", TokenType::kNormal, -1000);
  const auto tokenizer = tokenizer_of(vocabulary);
  EXPECT_EQ(ids(tokenizer->encode("aaaaa", false, false)), (Ids{aa, aa, a}));
}

}  // namespace
}  // namespace eddy::test
