#include "text/byte_alphabet.h"

#include <array>

#include "text/utf8.h"

namespace eddy {
namespace {

constexpr std::size_t kNumSubstitutes = 68;

// The byte of each code point; -1: none.
constexpr auto kByteOf = [] {
  std::array<int, 0x100 + kNumSubstitutes> bytes = {};
  bytes.fill(-1);
  std::size_t substitute = 0x100;
  for (int byte = 0; byte < 0x100; ++byte) {
    const bool is_printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    bytes[is_printable ? static_cast<std::size_t>(byte) : substitute++] = byte;
  }
  return bytes;
}();

}  // namespace

std::optional<std::string> bytes_of_alphabet(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Char c = first_utf8_char(text);
    if (c.code_point >= kByteOf.size() || kByteOf[c.code_point] < 0) return std::nullopt;
    bytes += static_cast<char>(kByteOf[c.code_point]);
    text.remove_prefix(c.n_bytes);
  }
  return bytes;
}

}  // namespace eddy
