#include "text/world.h"

namespace eddy {
namespace {

TextTable texts_of(const Vocabulary& vocabulary) {
  TextTable texts;
  for (std::int32_t token = 0; token < vocabulary.n_tokens(); ++token) {
    const TokenType type = vocabulary.type(token);
    const bool is_text = type == TokenType::kNormal || type == TokenType::kUserDefined;
    texts.push_back(is_text ? std::string_view(vocabulary.text(token)) : std::string_view());
  }
  return texts;
}

ByteTrie trie_of(const Vocabulary& vocabulary) {
  std::vector<std::string_view> texts(vocabulary.texts.begin(), vocabulary.texts.end());
  for (std::int32_t token = 0; token < vocabulary.n_tokens(); ++token) {
    if (vocabulary.type(token) != TokenType::kNormal) texts[static_cast<std::size_t>(token)] = {};
  }
  return ByteTrie(texts);
}

}  // namespace

World::World(const Vocabulary& vocabulary)
    : texts_(texts_of(vocabulary)), trie_(trie_of(vocabulary)) {}

// Vocabularies from files have a token for each byte; a byte without one is left out.
void World::encode(std::string_view text, std::vector<Token>& out) const {
  while (!text.empty()) {
    const ByteTrie::Match match = trie_.longest(text);
    if (match.number >= 0) out.push_back(Token(match.number));
    text.remove_prefix(match.number >= 0 ? match.n_bytes : 1);
  }
}

}  // namespace eddy
