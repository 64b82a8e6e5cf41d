#include "convert/rwkv_vocabulary.h"

#include <charconv>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/try.h"
#include "convert/token_list.h"
#include "formats/gguf_value.h"

namespace eddy::convert {
namespace {

void append_utf8(std::string& text, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xE0 | c >> 12);
    } else {
      put(0xF0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3F));
    }
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// The body of a literal. In a text an escape is a code point, in bytes a byte.
class Literal {
 public:
  Literal(std::string_view body, bool is_bytes) : rest_(body), is_bytes_(is_bytes) {}

  std::optional<std::string> read() {
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c != '\\') {
        out_ += c;
      } else if (!escape()) {
        return std::nullopt;
      }
    }
    return std::move(out_);
  }

 private:
  bool escape() {
    if (rest_.empty()) return false;
    const char kind = rest_[0];
    rest_.remove_prefix(1);
    switch (kind) {
      case 't': out_ += '\t'; return true;
      case 'n': out_ += '\n'; return true;
      case 'r': out_ += '\r'; return true;
      case '\\':
      case '\'':
      case '"': out_ += kind; return true;
      case 'x': return code(2);
      case 'u': return !is_bytes_ && code(4);
      case 'U': return !is_bytes_ && code(8);
      default: return false;
    }
  }

  bool code(std::size_t n_digits) {
    if (rest_.size() < n_digits) return false;
    const auto c = parse_number<std::uint32_t>(rest_.substr(0, n_digits), 16);
    if (!c || *c > 0x10FFFF || (*c >= 0xD800 && *c < 0xE000)) return false;
    rest_.remove_prefix(n_digits);
    if (is_bytes_) {
      out_ += static_cast<char>(*c);
    } else {
      append_utf8(out_, *c);
    }
    return true;
  }

  std::string_view rest_;
  bool is_bytes_;
  std::string out_;
};

std::optional<std::string> read_literal(std::string_view text) {
  const bool is_bytes = text.starts_with('b');
  if (is_bytes) text.remove_prefix(1);
  const bool is_quoted =
      text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0];
  if (!is_quoted) return std::nullopt;
  return Literal(text.substr(1, text.size() - 2), is_bytes).read();
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
