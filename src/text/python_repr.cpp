#include "text/python_repr.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace eddy {
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

// In bytes a number is a byte, in a text a code point.
class Repr {
 public:
  Repr(std::string_view repr, bool is_bytes) : rest_(repr), is_bytes_(is_bytes) {}

  std::optional<std::string> read() {
    while (!rest_.empty()) {
      const char c = take();
      if (c != '\\') {
        out_ += c;
      } else if (!escape()) {
        return std::nullopt;
      }
    }
    return std::move(out_);
  }

 private:
  char take() {
    const char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  bool escape() {
    if (rest_.empty()) return false;
    const char kind = take();
    switch (kind) {
      case 't': out_ += '\t'; return true;
      case 'n': out_ += '\n'; return true;
      case 'r': out_ += '\r'; return true;
      case '\\':
      case '\'':
      case '"': out_ += kind; return true;
      case 'x': return number(2);
      case 'u': return !is_bytes_ && number(4);
      case 'U': return !is_bytes_ && number(8);
      default: return false;
    }
  }

  bool number(std::size_t n_digits) {
    if (rest_.size() < n_digits) return false;
    std::uint32_t c = 0;
    const char* const end = rest_.data() + n_digits;
    const auto [stop, error] = std::from_chars(rest_.data(), end, c, 16);
    if (error != std::errc() || stop != end) return false;
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return false;
    rest_.remove_prefix(n_digits);
    if (is_bytes_) {
      out_ += static_cast<char>(c);
    } else {
      append_utf8(out_, c);
    }
    return true;
  }

  std::string_view rest_;
  bool is_bytes_;
  std::string out_;
};

}  // namespace

std::optional<std::string> bytes_of_repr(std::string_view repr) { return Repr(repr, true).read(); }

std::optional<std::string> text_of_repr(std::string_view repr) { return Repr(repr, false).read(); }

std::string repr_of_bytes(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '\t': text += "\\t"; break;
      case '\n': text += "\\n"; break;
      case '\r': text += "\\r"; break;
      case '\\': text += "\\\\"; break;
      default:
        text += byte >= 0x20 && byte < 0x7F ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    }
  }
  return text;
}

}  // namespace eddy
