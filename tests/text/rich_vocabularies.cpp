#include "rich_vocabularies.h"

#include <fmt/format.h>

#include "vocabularies.h"

namespace eddy::test {
namespace {

// Runs of spaces that are always found, as in the GPT-NeoX vocabulary, and many control tokens.
void add_specials(Vocabulary& vocabulary) {
  for (std::size_t n = 2; n <= 24; ++n) {
    add_token(vocabulary, std::string(n, ' '), TokenType::kUserDefined);
  }
  for (int i = 0; i < 300; ++i) {
    add_token(vocabulary, fmt::format("<|reserved_{}|>", i), TokenType::kControl);
  }
  add_token(vocabulary, "<|endoftext|>", TokenType::kControl);
}

}  // namespace

Vocabulary rich_bpe(const std::string& pre) {
  Vocabulary vocabulary = byte_bpe();
  vocabulary.pre = pre;
  const auto add_merge = [&](const std::string& left, const std::string& right) {
    vocabulary.merges.push_back(alphabet_text(left) + " " + alphabet_text(right));
    add_token(vocabulary, alphabet_text(left + right));
  };
  for (const std::string text : {"a", " ", "\n", "\xC3\xA9"}) {
    for (std::string run = text; run.size() <= 16; run += run) add_merge(run, run);
  }
  add_merge("a", "b");
  add_merge("\xC3", "\xA9");
  add_specials(vocabulary);
  return vocabulary;
}

Vocabulary rich_spm() {
  Vocabulary vocabulary = byte_spm();
  for (const std::string text : {"a", "\n", "\xC3\xA9", "\xE2\x96\x81"}) {
    for (std::string run = text; run.size() <= 16; run += run) {
      add_token(vocabulary, run, TokenType::kNormal, static_cast<float>(run.size()));
    }
  }
  add_token(vocabulary, "ab");
  add_specials(vocabulary);
  return vocabulary;
}

Vocabulary rich_world() {
  Vocabulary vocabulary = byte_world();
  for (const std::string text : {"a", "\n", "\xC3\xA9", "\xE2\x96\x81"}) {
    for (std::string run = text + text; run.size() <= 64; run += run) add_token(vocabulary, run);
  }
  add_token(vocabulary, "\xC3\xA9");
  add_token(vocabulary, "ab");
  add_specials(vocabulary);
  vocabulary.eot = Token(vocabulary.n_tokens() - 1);
  return vocabulary;
}

}  // namespace eddy::test
