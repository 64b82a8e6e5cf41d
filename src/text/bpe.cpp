#include "text/bpe.h"

#include <optional>
#include <string>

#include "text/byte_alphabet.h"

namespace eddy {
namespace {

constexpr std::uint32_t kNowhere = 0xFFFFFFFF;

std::uint64_t candidate(std::uint32_t rank, std::uint32_t place) {
  return std::uint64_t{rank} << 32 | place;
}

}  // namespace

Bpe::Bpe(const Vocabulary& vocabulary, const PreTokenizer& pre_tokenizer)
    : pre_tokenizer_(pre_tokenizer),
      n_tokens_(vocabulary.n_tokens()),
      ranks_(vocabulary.merges.size()) {
  add_tokens(vocabulary);
  add_bytes();
  add_merges(vocabulary.merges);
}

// A text outside the alphabet stands for itself: it is not made of bytes, so no text becomes it.
void Bpe::add_tokens(const Vocabulary& vocabulary) {
  for (std::int32_t token = 0; token < n_tokens_; ++token) {
    const std::string& text = vocabulary.text(token);
    const TokenType type = vocabulary.type(token);
    if (type == TokenType::kUserDefined) {
      texts_.push_back(text);
    } else if (type == TokenType::kNormal) {
      const std::optional<std::string> bytes = bytes_of_alphabet(text);
      texts_.push_back(bytes.value_or(text));
      if (bytes && !bytes->empty()) texts_.index(token);
    } else {
      texts_.push_back({});
    }
  }
}

void Bpe::add_bytes() {
  for (std::size_t byte = 0; byte < byte_symbols_.size(); ++byte) {
    const char text = static_cast<char>(byte);
    byte_symbols_[byte] = symbol_of({&text, 1});
  }
}

// A merge whose texts are outside the alphabet can never happen. Of equal pairs the first counts.
void Bpe::add_merges(const std::vector<std::string>& merges) {
  merged_.assign(merges.size(), -1);
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const std::size_t space = merge.find(' ', 1);
    if (space == merge.npos) continue;
    const auto left = bytes_of_alphabet(merge.substr(0, space));
    const auto right = bytes_of_alphabet(merge.substr(space + 1));
    if (!left || !right || left->empty() || right->empty()) continue;
    const std::int32_t left_symbol = symbol_of(*left), right_symbol = symbol_of(*right);
    if (!ranks_.insert(left_symbol, right_symbol, static_cast<std::uint32_t>(rank))) continue;
    merged_[rank] = symbol_of(*left + *right);
  }
}

std::int32_t Bpe::symbol_of(std::string_view bytes) {
  const std::int32_t found = texts_.find(bytes);
  if (found >= 0) return found;
  const std::int32_t added = texts_.push_back(bytes);
  texts_.index(added);
  return added;
}

void Bpe::encode(std::string_view text, std::vector<Token>& out) const {
  Work work;
  for (const std::string_view piece : split_text(text, pre_tokenizer_)) {
    encode_piece(piece, work, out);
  }
}

void Bpe::encode_piece(std::string_view piece, Work& work, std::vector<Token>& out) const {
  if (pre_tokenizer_.ignore_merges) {
    const std::int32_t whole = texts_.find(piece);
    if (whole >= 0 && whole < n_tokens_) {
      out.push_back(Token(whole));
      return;
    }
  }
  start(piece, work);
  merge_all(work);
  write(piece, work, out);
}

void Bpe::start(std::string_view piece, Work& work) const {
  const auto n = static_cast<std::uint32_t>(piece.size());
  work.symbols.resize(n);
  work.queue.clear();
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::int32_t id = byte_symbols_[static_cast<unsigned char>(piece[i])];
    work.symbols[i] = {id, i == 0 ? kNowhere : i - 1, i + 1, PairTable::kNone};
  }
  for (std::uint32_t i = 0; i < n; ++i) {
    if (rate(i, work.symbols)) work.queue.add(candidate(work.symbols[i].rank, i));
  }
  work.queue.sort();
}

// Notes the rank of the merge of the symbol with its next one; whether there is such a merge.
bool Bpe::rate(std::uint32_t place, std::vector<Symbol>& symbols) const {
  Symbol& symbol = symbols[place];
  const bool is_last = symbol.next == symbols.size();
  symbol.rank = is_last ? PairTable::kNone : ranks_.find(symbol.id, symbols[symbol.next].id);
  return symbol.rank != PairTable::kNone;
}

// A candidate counts only while its place has its rank: each pair has a rank of its own, so the
// symbols are then those of the pair.
void Bpe::merge_all(Work& work) const {
  std::vector<Symbol>& symbols = work.symbols;
  const auto rate_and_push = [&](std::uint32_t place) {
    if (rate(place, symbols)) work.queue.push(candidate(symbols[place].rank, place));
  };
  while (!work.queue.empty()) {
    const std::uint64_t best = work.queue.pop();
    const auto place = static_cast<std::uint32_t>(best);
    Symbol& left = symbols[place];
    if (left.rank != best >> 32) continue;
    Symbol& right = symbols[left.next];
    left.id = merged_[left.rank];
    left.next = right.next;
    right.rank = PairTable::kNone;
    if (left.next < symbols.size()) symbols[left.next].previous = place;
    rate_and_push(place);
    if (left.previous != kNowhere) rate_and_push(left.previous);
  }
}

void Bpe::write(std::string_view piece, const Work& work, std::vector<Token>& out) const {
  for (std::uint32_t i = 0; i < work.symbols.size(); i = work.symbols[i].next) {
    if (work.symbols[i].id < n_tokens_) {
      out.push_back(Token(work.symbols[i].id));
      continue;
    }
    for (std::uint32_t j = i; j < work.symbols[i].next; ++j) {
      const std::int32_t id = byte_symbols_[static_cast<unsigned char>(piece[j])];
      if (id < n_tokens_) out.push_back(Token(id));
    }
  }
}

}  // namespace eddy
