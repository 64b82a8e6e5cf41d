#include "text/python_bytes.h"

#include <fmt/format.h>

#include <charconv>

namespace eddy {
namespace {

// Takes what follows "\x".
std::optional<char> take_hex(std::string_view& text) {
  if (text.size() < 2) return std::nullopt;
  unsigned char byte = 0;
  const char* const end = text.data() + 2;
  const auto [stop, error] = std::from_chars(text.data(), end, byte, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  text.remove_prefix(2);
  return static_cast<char>(byte);
}

// Takes what follows a backslash.
std::optional<char> take_escape(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const char kind = text[0];
  text.remove_prefix(1);
  switch (kind) {
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'x': return take_hex(text);
    case '\\':
    case '\'':
    case '"': return kind;
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<std::string> bytes_of_repr(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    const std::optional<char> byte = c == '\\' ? take_escape(text) : c;
    if (!byte) return std::nullopt;
    bytes += *byte;
  }
  return bytes;
}

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
