#include "text/utf8.h"

namespace eddy {
namespace {

// The length that a lead byte announces; 0: it leads nothing.
std::size_t announced_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// Whether the code point may be written with n bytes: the shortest form, and no surrogate.
bool is_well_formed(char32_t code_point, std::size_t n) {
  if (n == 3) return code_point >= 0x800 && (code_point < 0xD800 || code_point > 0xDFFF);
  if (n == 4) return code_point >= 0x10000 && code_point <= 0x10FFFF;
  return true;
}

}  // namespace

Utf8Char first_utf8_char(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t n = announced_bytes(lead);
  if (n == 0 || n > text.size()) return {};
  char32_t code_point = lead & (0x7Fu >> n);
  for (std::size_t i = 1; i < n; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {};
    code_point = code_point << 6 | (byte & 0x3F);
  }
  if (!is_well_formed(code_point, n)) return {};
  return {code_point, static_cast<std::uint8_t>(n)};
}

}  // namespace eddy
