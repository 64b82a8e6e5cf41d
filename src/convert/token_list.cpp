#include "convert/token_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "text/space_mark.h"

namespace eddy::convert {
namespace {

constexpr float kAddedScore = -1000, kUnusedScore = -10000;

bool looks_special(std::string_view text) {
  constexpr std::string_view kNames[] = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
  constexpr std::pair<std::string_view, std::string_view> kEnds[] = {
      {"<|", "|>"}, {"<\xEF\xBD\x9C", "\xEF\xBD\x9C>"}, {"<unused", ">"}};
  return std::ranges::find(kNames, text) != std::end(kNames) ||
         std::ranges::any_of(kEnds, [&](const auto& ends) {
           return text.size() > ends.first.size() + ends.second.size() &&
                  text.starts_with(ends.first) && text.ends_with(ends.second);
         });
}

}  // namespace

TokenList::TokenList(Vocabulary& vocabulary, std::int64_t n_vocab) : vocabulary_(vocabulary) {
  const auto n = static_cast<std::size_t>(n_vocab);
  vocabulary.texts.resize(n);
  vocabulary.types.assign(n, TokenType::kUndefined);
  vocabulary.scores.assign(n, 0);
}

Status TokenList::check(std::int64_t id, std::string_view text) const {
  const auto n = static_cast<std::int64_t>(vocabulary_.texts.size());
  if (id >= 0 && id < n) return {};
  return fail(ErrorCode::kMalformed,
              "token \"{}\": id {}, expected 0 .. {}, as the embedding has {} rows",
              printable(text), id, n - 1, n);
}

Status TokenList::add(std::int64_t id, std::string text, TokenType type, float score) {
  EDDY_TRY(check(id, text));
  const auto i = static_cast<std::size_t>(id);
  if (vocabulary_.types[i] != TokenType::kUndefined) {
    return fail(ErrorCode::kMalformed, "tokens \"{}\" and \"{}\": one id, {}",
                printable(vocabulary_.texts[i]), printable(text), id);
  }
  vocabulary_.texts[i] = std::move(text);
  vocabulary_.types[i] = type;
  vocabulary_.scores[i] = score;
  return {};
}

Status TokenList::add_added(std::int64_t id, std::string text, bool is_special) {
  EDDY_TRY(check(id, text));
  const auto i = static_cast<std::size_t>(id);
  TokenType& type = vocabulary_.types[i];
  if (type == TokenType::kUnknown || type == TokenType::kByte) return {};
  if (type == TokenType::kUndefined) vocabulary_.scores[i] = kAddedScore;
  type = is_special || looks_special(text) ? TokenType::kControl : TokenType::kUserDefined;
  vocabulary_.texts[i] = type == TokenType::kUserDefined ? with_spaces(text) : std::move(text);
  return {};
}

void TokenList::fill_holes() {
  for (std::size_t i = 0; i < vocabulary_.texts.size(); ++i) {
    if (vocabulary_.types[i] != TokenType::kUndefined) continue;
    vocabulary_.texts[i] = fmt::format("[PAD{}]", i);
    vocabulary_.types[i] = TokenType::kUnused;
    vocabulary_.scores[i] = kUnusedScore;
  }
}

std::optional<Token> find_token(const Vocabulary& vocabulary, std::string_view text) {
  const auto found = std::ranges::find(vocabulary.texts, text);
  if (found == vocabulary.texts.end()) return std::nullopt;
  return Token(static_cast<std::int32_t>(found - vocabulary.texts.begin()));
}

}  // namespace eddy::convert
