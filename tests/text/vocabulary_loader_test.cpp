// Tokenizers from files, right ones and wrong ones.
#include "text/vocabulary_loader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/support/fails_with.h"
#include "text/tokenizer.h"
#include "vocabularies.h"
#include "vocabulary_keys.h"

namespace eddy::test {
namespace {

using Strings = std::vector<std::string>;
using Ids = std::vector<std::int32_t>;

Keys bpe_keys() {
  Vocabulary vocabulary = byte_bpe();
  add_token(vocabulary, "ab");
  add_token(vocabulary, "<|endoftext|>");
  Ids types(vocabulary.texts.size(), 1);
  types.back() = 3;
  return Keys()
      .set("model", "gpt2")
      .set("pre", "olmo")
      .set("tokens", vocabulary.texts)
      .set("token_type", types)
      .set("merges", Strings{"a b"});
}

Keys spm_keys() {
  const Vocabulary vocabulary = byte_spm();
  Ids types;
  for (const TokenType type : vocabulary.types) types.push_back(static_cast<std::int32_t>(type));
  return Keys()
      .set("model", "llama")
      .set("tokens", vocabulary.texts)
      .set("token_type", types)
      .set("scores", vocabulary.scores);
}

TEST(VocabularyLoader, LoadsBytePairs) {
  const auto tokenizer = bpe_keys().load();
  ASSERT_TRUE(succeeds(tokenizer));
  EXPECT_EQ(ids((*tokenizer)->encode("abc<|endoftext|>", true, true)), (Ids{256, 'c', 257}));
  EXPECT_TRUE((*tokenizer)->is_end(Token(257)));
  EXPECT_TRUE((*tokenizer)->is_end(Token(11))) << "what a file means that does not say";
  EXPECT_FALSE((*tokenizer)->is_end(Token(256)));
}

TEST(VocabularyLoader, LoadsSentencePieces) {
  const auto tokenizer = spm_keys().load();
  ASSERT_TRUE(succeeds(tokenizer));
  EXPECT_EQ(ids((*tokenizer)->encode("a", true, false)), (Ids{1, 3 + ' ', 3 + 'a'}));
  EXPECT_TRUE((*tokenizer)->is_end(Token(2)));
  const auto plain = spm_keys().set("add_bos_token", false).set("add_space_prefix", false).load();
  ASSERT_TRUE(succeeds(plain));
  EXPECT_EQ(ids((*plain)->encode("a", true, false)), (Ids{3 + 'a'}));
}

// A special token of 16 MiB made a trie of 825 MB, and each text took minutes.
TEST(VocabularyLoader, RefusesTextsThatCostMemoryAndTime) {
  for (const bool is_spm : {false, true}) {
    const Vocabulary bytes = is_spm ? byte_spm() : byte_bpe();
    for (const std::int32_t type : {1, 2, 3, 4, 5, 6}) {
      for (const std::size_t n_bytes :
           {std::size_t{1024}, std::size_t{1025}, std::size_t{1} << 24}) {
        Strings texts = bytes.texts;
        texts.emplace_back(n_bytes, 'a');
        Ids types(texts.size(), 1);
        types.back() = type;
        Keys keys = is_spm ? spm_keys().erase("scores") : bpe_keys();
        const auto loaded = keys.set("tokens", texts).set("token_type", types).vocabulary();
        if (n_bytes == 1024) {
          EXPECT_TRUE(succeeds(loaded)) << type;
        } else {
          EXPECT_TRUE(fails_with(loaded, ErrorCode::kMalformed, {"tokenizer.ggml.tokens: element"}))
              << type;
        }
      }
    }
  }
}

TEST(VocabularyLoader, RefusesSpecialTokensThatCostMemoryTogether) {
  for (const std::int32_t type : {1, 2, 3, 4}) {
    for (const std::size_t n_texts : {std::size_t{1024}, std::size_t{1025}}) {
      Strings texts = byte_bpe().texts;
      Ids types(texts.size(), 1);
      types.resize(texts.size() + n_texts, type);
      for (std::size_t i = 0; i < n_texts; ++i) {
        std::string& text = texts.emplace_back(std::to_string(i));
        text.resize(1024, 'a');
      }
      const auto loaded = bpe_keys().set("tokens", texts).set("token_type", types).vocabulary();
      if (n_texts == 1024 || type == 1) {
        EXPECT_TRUE(succeeds(loaded)) << type;
      } else {
        EXPECT_TRUE(fails_with(loaded, ErrorCode::kMalformed, {"bytes of special tokens"})) << type;
      }
    }
  }
}

TEST(VocabularyLoader, DoesWithoutWhatMayBeAbsent) {
  const auto bpe = bpe_keys().erase("token_type").erase("pre").vocabulary();
  ASSERT_TRUE(succeeds(bpe));
  EXPECT_EQ(bpe->pre, "default");
  EXPECT_EQ(bpe->type(257), TokenType::kNormal);
  EXPECT_EQ(bpe->bos, Token(11));
  EXPECT_EQ(bpe->unknown, std::nullopt);
  const auto spm = spm_keys().erase("token_type").erase("scores").vocabulary();
  ASSERT_TRUE(succeeds(spm));
  EXPECT_EQ(spm->type(0), TokenType::kNormal);
  EXPECT_EQ(spm->type(3), TokenType::kByte);
  EXPECT_EQ(spm->scores, std::vector<float>(259));
  EXPECT_EQ(spm->unknown, Token(0));
}

TEST(VocabularyLoader, ReadsTheIds) {
  const auto vocabulary = bpe_keys()
                              .set("bos_token_id", std::uint32_t{1})
                              .set("eos_token_id", std::uint32_t{2})
                              .set("eot_token_id", std::int32_t{3})
                              .set("eom_token_id", std::uint64_t{4})
                              .set("unknown_token_id", std::uint32_t{5})
                              .set("prefix_token_id", std::uint32_t{6})
                              .set("suffix_token_id", std::uint32_t{6})
                              .set("fim_suf_token_id", std::uint32_t{7})
                              .set("fim_pad_token_id", std::uint32_t{8})
                              .set("add_bos_token", true)
                              .vocabulary();
  ASSERT_TRUE(succeeds(vocabulary));
  EXPECT_EQ(vocabulary->bos, Token(1));
  EXPECT_EQ(vocabulary->eos, Token(2));
  EXPECT_EQ(vocabulary->eot, Token(3));
  EXPECT_EQ(vocabulary->eom, Token(4));
  EXPECT_EQ(vocabulary->unknown, Token(5));
  EXPECT_EQ(vocabulary->fim_pre, Token(6));
  EXPECT_EQ(vocabulary->fim_suf, Token(7));
  EXPECT_EQ(vocabulary->fim_pad, Token(8));
  EXPECT_EQ(vocabulary->add_bos, true);
}

TEST(VocabularyLoader, IgnoresIdsOutsideTheVocabulary) {
  const auto vocabulary = bpe_keys()
                              .set("bos_token_id", std::uint32_t{258})
                              .set("eos_token_id", std::int32_t{-1})
                              .set("eot_token_id", std::numeric_limits<std::uint64_t>::max())
                              .vocabulary();
  ASSERT_TRUE(succeeds(vocabulary));
  EXPECT_EQ(vocabulary->bos, Token(11));
  EXPECT_EQ(vocabulary->eos, Token(11));
  EXPECT_EQ(vocabulary->eot, std::nullopt);
  const auto small =
      spm_keys().set("tokens", Strings{"a"}).set("token_type", Ids{1}).erase("scores").vocabulary();
  ASSERT_TRUE(succeeds(small));
  EXPECT_EQ(small->bos, std::nullopt);
  EXPECT_EQ(small->unknown, Token(0));
}

TEST(VocabularyLoader, RefusesWhatIsMalformed) {
  const auto refuses = [](const Keys& keys, std::string_view message) {
    EXPECT_TRUE(fails_with(keys.load(), ErrorCode::kMalformed, {message}));
  };
  const Keys bpe = bpe_keys(), spm = spm_keys();
  const auto no_number = std::numeric_limits<float>::quiet_NaN();
  refuses(Keys(bpe).erase("model"), "m.gguf: tokenizer.ggml.model: missing, expected string");
  refuses(Keys(bpe).set("model", std::uint32_t{1}), "tokenizer.ggml.model: u32, expected string");
  refuses(Keys(bpe).set("pre", true), "tokenizer.ggml.pre: bool, expected string");
  refuses(Keys(bpe).erase("tokens"), "tokenizer.ggml.tokens: missing, expected array of string");
  refuses(Keys(bpe).set("tokens", Ids{1}),
          "tokenizer.ggml.tokens: element 0: i32, expected string");
  refuses(Keys(bpe).set("tokens", Strings{}),
          "tokenizer.ggml.tokens: 0 elements, expected at least 1");
  refuses(Keys(bpe).set("tokens", Strings{"a"}),
          "tokenizer.ggml.token_type: 258 elements, expected 1 as in tokenizer.ggml.tokens");
  refuses(Keys(bpe).set("token_type", Ids(257, 1)),
          "tokenizer.ggml.token_type: 257 elements, expected 258");
  refuses(Keys(bpe).set("token_type", Ids(258, 7)),
          "tokenizer.ggml.token_type: element 0: 7, expected 0 .. 6");
  refuses(Keys(bpe).set("token_type", Ids(258, -1)), "element 0: -1, expected 0 .. 6");
  refuses(Keys(bpe).erase("merges"), "tokenizer.ggml.merges: missing, expected array of string");
  for (const std::string merge : {"ab", "", " a", "a "}) {
    refuses(Keys(bpe).set("merges", Strings{"a b", merge}),
            "tokenizer.ggml.merges: element 1: \"" + merge + "\", expected two texts and a space");
  }
  refuses(Keys(spm).set("scores", std::vector<float>(3)),
          "tokenizer.ggml.scores: 3 elements, expected 259 as in tokenizer.ggml.tokens");
  refuses(Keys(spm).set("scores", std::vector<float>(259, no_number)),
          "tokenizer.ggml.scores: element 0: NaN, expected a number");
  refuses(Keys(spm).set("bos_token_id", "x"), "tokenizer.ggml.bos_token_id: string, expected i64");
  refuses(Keys(spm).set("add_bos_token", std::uint32_t{1}),
          "tokenizer.ggml.add_bos_token: u32, expected bool");
  refuses(Keys(spm).set("add_space_prefix", "x"),
          "tokenizer.ggml.add_space_prefix: string, expected bool");
}

TEST(VocabularyLoader, NamesWhatItDoesNotSupport) {
  EXPECT_TRUE(fails_with(bpe_keys().set("model", "bert").load(), ErrorCode::kUnsupported,
                         {"m.gguf: tokenizer.ggml.model: \"bert\", expected gpt2, llama or rwkv"}));
  EXPECT_TRUE(
      fails_with(bpe_keys().set("pre", "no-such\n").load(), ErrorCode::kUnsupported,
                 {"m.gguf: tokenizer.ggml.pre: \"no-such\\x0a\", expected one of gpt-2, "}));
}

TEST(VocabularyLoader, TakesTextsThatAreEmptyOrNoUtf8) {
  const auto tokenizer = Keys()
                             .set("model", "gpt2")
                             .set("tokens", Strings{"", "\xFF", "a", "a"})
                             .set("token_type", Ids{3, 4, 1, 1})
                             .set("merges", Strings{})
                             .load();
  ASSERT_TRUE(succeeds(tokenizer));
  EXPECT_EQ(ids((*tokenizer)->encode("a\xFF", false, true)), (Ids{2, 1}));
}

}  // namespace
}  // namespace eddy::test
