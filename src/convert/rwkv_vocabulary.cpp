#include "convert/rwkv_vocabulary.h"

#include <charconv>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/try.h"
#include "convert/token_list.h"
#include "formats/gguf_value.h"
#include "text/python_repr.h"

namespace eddy::convert {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<std::string> read_literal(std::string_view text) {
  const bool is_bytes = text.starts_with('b');
  if (is_bytes) text.remove_prefix(1);
  const bool is_quoted =
      text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0];
  if (!is_quoted) return std::nullopt;
  const std::string_view repr = text.substr(1, text.size() - 2);
  return is_bytes ? bytes_of_repr(repr) : text_of_repr(repr);
}

Status read_line(std::string_view line, TokenList& tokens) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  const auto wrong = [&] {
    return fail(ErrorCode::kMalformed, "\"{}\", expected an id, a literal and its bytes",
                printable(line));
  };
  if (first == line.npos || first == last) return wrong();
  const auto id = parse_number<std::int64_t>(line.substr(0, first));
  const auto n_bytes = parse_number<std::uint64_t>(line.substr(last + 1));
  std::optional<std::string> text = read_literal(line.substr(first + 1, last - first - 1));
  if (!id || !n_bytes || !text) return wrong();
  if (text->size() != *n_bytes) {
    return fail(ErrorCode::kMalformed, "\"{}\": {} bytes", printable(line), text->size());
  }
  return tokens.add(*id, *std::move(text), TokenType::kNormal);
}

}  // namespace

Result<Vocabulary> read_rwkv_vocabulary(std::string_view text, std::int64_t n_vocab) {
  Vocabulary vocabulary;
  vocabulary.model = VocabularyModel::kWorld;
  TokenList tokens(vocabulary, n_vocab);
  EDDY_TRY(tokens.add(0, "<s>", TokenType::kControl));
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Status read = read_line(text.substr(0, end), tokens);
    if (!read) return prefixed(fmt::format("line {}", number), read.error());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  vocabulary.bos = vocabulary.eos = Token(0);
  vocabulary.add_bos = false;
  return vocabulary;
}

}  // namespace eddy::convert
