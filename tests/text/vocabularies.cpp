#include "vocabularies.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

#include "slow_regex.h"
#include "text/text_tokenizer.h"

namespace eddy::test {
namespace {

// The table of GPT-2, made as its encoder does: the printable ones first, then the others.
std::array<char32_t, 256> make_alphabet() {
  std::array<char32_t, 256> alphabet = {};
  const auto keep = [&](char32_t first, char32_t last) {
    for (char32_t c = first; c <= last; ++c) alphabet[c] = c;
  };
  keep('!', '~');
  keep(0xA1, 0xAC);
  keep(0xAE, 0xFF);
  char32_t next = 256;
  for (char32_t& c : alphabet) {
    if (c == 0) c = next++;
  }
  return alphabet;
}

// The first normal token of this text; -1: none.
std::int32_t normal_token(const Vocabulary& vocabulary, std::string_view text) {
  for (std::int32_t i = 0; i < vocabulary.n_tokens(); ++i) {
    if (vocabulary.type(i) == TokenType::kNormal && vocabulary.text(i) == text) return i;
  }
  return -1;
}

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) {
      characters.back() += c;
    } else {
      characters.emplace_back(1, c);
    }
  }
  return characters;
}

// Merges the two symbols at `at`.
void merge(std::vector<std::string>& symbols, std::size_t at) {
  symbols[at] += symbols[at + 1];
  symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
}

template <class T>
const T& pick(std::mt19937& random, const std::vector<T>& from) {
  return from[random() % from.size()];
}

}  // namespace

std::string alphabet_text(unsigned char byte) {
  static const auto alphabet = make_alphabet();
  return utf8({&alphabet[byte], 1});
}

std::string alphabet_text(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += alphabet_text(static_cast<unsigned char>(c));
  return text;
}

std::string byte_token_text(unsigned char byte) { return fmt::format("<0x{:02X}>", byte); }

std::int32_t add_token(Vocabulary& vocabulary, std::string text, TokenType type, float score) {
  vocabulary.texts.push_back(std::move(text));
  vocabulary.types.push_back(type);
  vocabulary.scores.push_back(score);
  return vocabulary.n_tokens() - 1;
}

Vocabulary byte_bpe() {
  Vocabulary vocabulary;
  vocabulary.pre = "gpt-2";
  for (int byte = 0; byte < 256; ++byte) {
    add_token(vocabulary, alphabet_text(static_cast<unsigned char>(byte)));
  }
  return vocabulary;
}

Vocabulary byte_spm() {
  Vocabulary vocabulary;
  vocabulary.model = VocabularyModel::kSpm;
  vocabulary.unknown = Token(add_token(vocabulary, "<unk>", TokenType::kUnknown));
  vocabulary.bos = Token(add_token(vocabulary, "<s>", TokenType::kControl));
  vocabulary.eos = Token(add_token(vocabulary, "</s>", TokenType::kControl));
  for (int byte = 0; byte < 256; ++byte) {
    add_token(vocabulary, byte_token_text(static_cast<unsigned char>(byte)), TokenType::kByte);
  }
  return vocabulary;
}

Vocabulary byte_world() {
  Vocabulary vocabulary;
  vocabulary.model = VocabularyModel::kWorld;
  vocabulary.eos = Token(add_token(vocabulary, "<s>", TokenType::kControl));
  for (int byte = 0; byte < 256; ++byte) {
    add_token(vocabulary, std::string(1, static_cast<char>(byte)));
  }
  return vocabulary;
}

Vocabulary random_bpe(std::mt19937& random, std::string_view bytes, int n) {
  Vocabulary vocabulary = byte_bpe();
  std::vector<std::string> symbols;
  for (const char c : bytes) symbols.push_back(alphabet_text(static_cast<unsigned char>(c)));
  for (int i = 0; i < n; ++i) {
    const std::string left = pick(random, symbols), right = pick(random, symbols);
    if (left.size() + right.size() > 16) continue;
    vocabulary.merges.push_back(left + " " + right);
    if (random() % 8 == 0) vocabulary.merges.push_back(pick(random, vocabulary.merges));
    if (random() % 8 != 0) {
      add_token(vocabulary, left + right,
                random() % 8 == 0 ? TokenType::kControl : TokenType::kNormal);
    }
    symbols.push_back(left + right);
  }
  if (random() % 2 == 0) std::ranges::shuffle(vocabulary.merges, random);
  return vocabulary;
}

Vocabulary random_spm(std::mt19937& random, const std::vector<std::string>& characters, int n) {
  Vocabulary vocabulary = byte_spm();
  std::vector<std::string> texts = characters;
  for (const std::string& text : texts) {
    if (random() % 4 != 0) add_token(vocabulary, text);
  }
  for (int i = 0; i < n; ++i) {
    const std::string text = pick(random, texts) + pick(random, texts);
    if (text.size() > 16) continue;
    const auto score = -static_cast<float>(random() % 5);
    add_token(vocabulary, text, random() % 8 == 0 ? TokenType::kUnused : TokenType::kNormal, score);
    texts.push_back(text);
  }
  return vocabulary;
}

std::unique_ptr<const Tokenizer> tokenizer_of(const Vocabulary& vocabulary) {
  auto made = make_tokenizer(vocabulary);
  EXPECT_TRUE(made.ok()) << made.error().message;
  return made.ok() ? std::move(*made) : nullptr;
}

std::vector<Token> naive_bpe(const Vocabulary& vocabulary, std::string_view piece) {
  std::vector<std::string> symbols;
  for (const char c : piece) symbols.push_back(alphabet_text(static_cast<unsigned char>(c)));
  const std::vector<std::string>& merges = vocabulary.merges;
  for (bool is_merged = true; is_merged;) {
    is_merged = false;
    std::size_t best_rank = merges.size(), best = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto found = std::ranges::find(merges, symbols[i] + " " + symbols[i + 1]);
      const auto rank = static_cast<std::size_t>(found - merges.begin());
      if (rank < best_rank) std::tie(best_rank, best) = std::pair(rank, i);
    }
    if (best_rank == merges.size()) continue;
    merge(symbols, best);
    is_merged = true;
  }
  std::vector<Token> tokens;
  for (const std::string& symbol : symbols) {
    if (const std::int32_t token = normal_token(vocabulary, symbol); token >= 0) {
      tokens.push_back(Token(token));
      continue;
    }
    for (const std::string& character : characters_of(symbol)) {
      const std::int32_t token = normal_token(vocabulary, character);
      if (token >= 0) tokens.push_back(Token(token));
    }
  }
  return tokens;
}

std::vector<Token> naive_spm(const Vocabulary& vocabulary, std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == ' ' ? std::string(kSpaceMark) : std::string(1, c);
  std::vector<std::string> symbols = characters_of(escaped);
  for (;;) {
    std::int32_t best_token = -1;
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const std::int32_t token = normal_token(vocabulary, symbols[i] + symbols[i + 1]);
      if (token < 0) continue;
      const auto score = [&](std::int32_t t) {
        return vocabulary.scores[static_cast<std::size_t>(t)];
      };
      if (best_token < 0 || score(token) > score(best_token)) {
        std::tie(best_token, best) = std::pair(token, i);
      }
    }
    if (best_token < 0) break;
    merge(symbols, best);
  }
  std::vector<Token> tokens;
  for (const std::string& symbol : symbols) {
    if (const std::int32_t token = normal_token(vocabulary, symbol); token >= 0) {
      tokens.push_back(Token(token));
      continue;
    }
    const std::string bytes = symbol == kSpaceMark ? " " : symbol;
    for (const char byte : bytes) {
      const auto text_of = byte_token_text(static_cast<unsigned char>(byte));
      const auto found = std::ranges::find(vocabulary.texts, text_of);
      tokens.push_back(Token(static_cast<std::int32_t>(found - vocabulary.texts.begin())));
    }
  }
  return tokens;
}

std::string bytes_of(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string bytes;
  for (const Token token : tokens) bytes += tokenizer.bytes(token);
  return bytes;
}

std::vector<std::int32_t> ids(const std::vector<Token>& tokens) {
  std::vector<std::int32_t> ids;
  for (const Token token : tokens) ids.push_back(token.value);
  return ids;
}

}  // namespace eddy::test
