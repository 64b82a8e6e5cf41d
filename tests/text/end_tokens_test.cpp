// Which tokens end an answer.
#include "text/end_tokens.h"

#include <gtest/gtest.h>

#include "vocabularies.h"

namespace eddy::test {
namespace {

using Ids = std::vector<std::int32_t>;

Ids ends_of(Vocabulary& vocabulary) {
  const std::vector<bool> ends = find_end_tokens(vocabulary);
  Ids ids;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (ends[i]) ids.push_back(static_cast<std::int32_t>(i));
  }
  return ids;
}

Vocabulary vocabulary_of(const std::vector<std::string>& texts) {
  Vocabulary vocabulary;
  for (const std::string& text : texts) add_token(vocabulary, text);
  return vocabulary;
}

TEST(EndTokens, AreKnownByTheirTexts) {
  Vocabulary vocabulary =
      vocabulary_of({"a", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_pad|>",
                     "<|repo_name|>", "<|file_sep|>", "<|fim_prefix|>"});
  EXPECT_EQ(ends_of(vocabulary), (Ids{1, 3, 4, 5, 6}));
  EXPECT_EQ(vocabulary.eot, Token(3));
  EXPECT_EQ(vocabulary.fim_pre, Token(7));
  EXPECT_EQ(vocabulary.fim_rep, Token(5));
}

TEST(EndTokens, AreThoseThatTheFileNames) {
  Vocabulary vocabulary = vocabulary_of({"a", "b", "c", "d", "<|repo_name|>"});
  vocabulary.eos = Token(0);
  vocabulary.eot = Token(1);
  vocabulary.eom = Token(2);
  vocabulary.fim_rep = Token(3);
  EXPECT_EQ(ends_of(vocabulary), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(vocabulary.type(0), TokenType::kNormal);
}

TEST(EndTokens, KnowTheDeepSeekMarker) {
  Vocabulary vocabulary =
      vocabulary_of({"<\xEF\xBD\x9C"
                     "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
                     "a"});
  EXPECT_EQ(ends_of(vocabulary), (Ids{0}));
}

TEST(EndTokens, BecomeControlTokens) {
  Vocabulary vocabulary = vocabulary_of({"<|im_end|>", "<fim_middle>", "a"});
  ends_of(vocabulary);
  EXPECT_EQ(vocabulary.type(0), TokenType::kControl);
  EXPECT_EQ(vocabulary.type(1), TokenType::kControl);
  EXPECT_EQ(vocabulary.type(2), TokenType::kNormal);
}

TEST(EndTokens, LeaveOutTheEndOfAMessageInHarmony) {
  Vocabulary both = vocabulary_of({"<|end|>", "<|return|>", "<|call|>"});
  EXPECT_EQ(ends_of(both), (Ids{1, 2}));
  Vocabulary one = vocabulary_of({"<|end|>", "<|return|>"});
  EXPECT_EQ(ends_of(one), (Ids{0, 1}));
}

TEST(EndTokens, TakeTheFirstOfEqualTexts) {
  Vocabulary vocabulary = vocabulary_of({"a", "<|im_end|>", "<|im_end|>"});
  EXPECT_EQ(ends_of(vocabulary), (Ids{1}));
}

}  // namespace
}  // namespace eddy::test
