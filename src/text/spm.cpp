#include "text/spm.h"

#include <optional>
#include <string>

#include "text/byte_token.h"
#include "text/space_mark.h"
#include "text/utf8.h"

namespace eddy {
namespace {

constexpr std::uint32_t kNoSymbol = 0xFFFFFFFF;

}  // namespace

Spm::Spm(const Vocabulary& vocabulary) : scores_(vocabulary.scores) {
  add_tokens(vocabulary);
  add_bytes(vocabulary);
}

// The text of a normal token has U+2581 for its spaces; one that has spaces too is never merged.
void Spm::add_tokens(const Vocabulary& vocabulary) {
  for (std::int32_t token = 0; token < vocabulary.n_tokens(); ++token) {
    const std::string& text = vocabulary.text(token);
    const TokenType type = vocabulary.type(token);
    const std::optional<char> byte = byte_of_token_text(text);
    if (type == TokenType::kUserDefined) {
      texts_.push_back(text);
    } else if (type == TokenType::kNormal) {
      texts_.push_back(with_spaces(text));
      if (!text.empty() && text.find(' ') == text.npos) texts_.index(token);
    } else if (type == TokenType::kByte && byte) {
      texts_.push_back({&*byte, 1});
    } else {
      texts_.push_back({});
    }
  }
}

// A byte is its byte token, else a token of this one byte, else the unknown token.
void Spm::add_bytes(const Vocabulary& vocabulary) {
  for (std::size_t byte = 0; byte < byte_tokens_.size(); ++byte) {
    const char text = static_cast<char>(byte);
    byte_tokens_[byte] = texts_.find({&text, 1});
    if (byte_tokens_[byte] < 0) byte_tokens_[byte] = vocabulary.unknown.value_or(Token()).value;
  }
  for (std::int32_t token = vocabulary.n_tokens() - 1; token >= 0; --token) {
    if (vocabulary.type(token) != TokenType::kByte || texts_[token].empty()) continue;
    byte_tokens_[static_cast<unsigned char>(texts_[token][0])] = token;
  }
}

void Spm::encode(std::string_view text, std::vector<Token>& out) const {
  Work work;
  start(text, work);
  merge_all(text, work);
  write(text, work, out);
}

void Spm::start(std::string_view text, Work& work) const {
  const auto n = static_cast<std::uint32_t>(text.size());
  work.symbols.resize(n);
  std::uint32_t previous = kNoSymbol;
  for (std::uint32_t i = 0; i < n; i += work.symbols[i].n_bytes) {
    const std::uint32_t n_bytes = first_utf8_char(text.substr(i)).n_bytes;
    work.symbols[i] = {texts_.find(text.substr(i, n_bytes)), n_bytes, previous};
    previous = i;
  }
  for (std::uint32_t i = 0; i < n; i += work.symbols[i].n_bytes) {
    if (const auto candidate = candidate_at(i, text, work.symbols)) work.queue.add(*candidate);
  }
  work.queue.sort();
}

// The merge of the symbol with its next one, if there is such a merge.
std::optional<Spm::Candidate> Spm::candidate_at(std::uint32_t place, std::string_view text,
                                                const std::vector<Symbol>& symbols) const {
  const std::uint32_t n_left = symbols[place].n_bytes;
  if (place + n_left == text.size()) return std::nullopt;
  const std::uint32_t n_bytes = n_left + symbols[place + n_left].n_bytes;
  const std::int32_t token = texts_.find(text.substr(place, n_bytes));
  if (token < 0) return std::nullopt;
  return Candidate{scores_[static_cast<std::size_t>(token)], place, n_bytes, token};
}

// A candidate counts only while two symbols are where it was made, and have its bytes together.
void Spm::merge_all(std::string_view text, Work& work) const {
  std::vector<Symbol>& symbols = work.symbols;
  const auto push = [&](std::uint32_t place) {
    if (const auto candidate = candidate_at(place, text, symbols)) work.queue.push(*candidate);
  };
  while (!work.queue.empty()) {
    const Candidate best = work.queue.pop();
    Symbol& left = symbols[best.place];
    const std::uint32_t next = best.place + left.n_bytes;
    if (left.n_bytes == 0 || left.n_bytes >= best.n_bytes) continue;
    if (left.n_bytes + symbols[next].n_bytes != best.n_bytes) continue;
    symbols[next].n_bytes = 0;
    left.token = best.token;
    left.n_bytes = best.n_bytes;
    const std::uint32_t after = best.place + best.n_bytes;
    if (after < text.size()) symbols[after].previous = best.place;
    push(best.place);
    if (left.previous != kNoSymbol) push(left.previous);
  }
}

void Spm::write(std::string_view text, const Work& work, std::vector<Token>& out) const {
  for (std::uint32_t i = 0; i < text.size(); i += work.symbols[i].n_bytes) {
    if (work.symbols[i].token >= 0) {
      out.push_back(Token(work.symbols[i].token));
      continue;
    }
    for (const char byte : text.substr(i, work.symbols[i].n_bytes)) {
      const std::int32_t token = byte_tokens_[static_cast<unsigned char>(byte)];
      if (token >= 0) out.push_back(Token(token));
    }
  }
}

}  // namespace eddy
