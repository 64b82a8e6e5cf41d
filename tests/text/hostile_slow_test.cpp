// A megabyte of anything: an algorithm that is quadratic in any of these texts would take hours.
#include <gtest/gtest.h>

#include <random>

#include "rich_vocabularies.h"
#include "text/pre_tokenizer.h"
#include "vocabularies.h"

namespace eddy::test {
namespace {

std::vector<std::string> hostile_texts() {
  constexpr std::size_t kBytes = std::size_t{1} << 20;
  std::vector<std::string> texts;
  for (const std::string_view unit : {"a", "A", " ", "\n", "ab", "a ", " \n", "'", "7", ".", "<",
                                      "<|reserved_", "<|reserved_7|>", "\xE4\xB8\xAD",
                                      "\xC3\xA9"
                                      "A",
                                      "\xFF", "\xE2\x96\x81"}) {
    std::string& text = texts.emplace_back();
    while (text.size() < kBytes) text += unit;
  }
  std::mt19937 random(1);
  for (char& c : texts.emplace_back(kBytes, ' ')) c = static_cast<char>(random());
  return texts;
}

TEST(Hostile, TextIsEncodedInTime) {
  for (const Vocabulary& vocabulary :
       {rich_bpe("olmo"), rich_bpe("llama-bpe"), rich_spm(), rich_world()}) {
    const auto tokenizer = tokenizer_of(vocabulary);
    for (const std::string& text : hostile_texts()) {
      const auto tokens = tokenizer->encode(text, false, false);
      ASSERT_TRUE(bytes_of(*tokenizer, tokens) == text) << vocabulary.pre << text.substr(0, 8);
      ASSERT_FALSE(tokenizer->encode(text, true, true).empty());
    }
  }
}

TEST(Hostile, TextIsCutInTime) {
  const std::vector<std::string> texts = hostile_texts();
  for (const std::string_view name : {"gpt-2", "llama-bpe", "qwen2", "qwen35", "tekken", "kimi-k2",
                                      "starcoder", "falcon", "default"}) {
    for (const std::string& text : texts) {
      std::size_t n_bytes = 0;
      for (const auto piece : split_text(text, *find_pre_tokenizer(name))) n_bytes += piece.size();
      ASSERT_EQ(n_bytes, text.size()) << name << text.substr(0, 8);
    }
  }
}

}  // namespace
}  // namespace eddy::test
