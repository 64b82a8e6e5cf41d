// The texts of SentencePiece's byte tokens.
#pragma once

#include <optional>
#include <string_view>

namespace eddy {

// "<0x0A>" is the byte 0x0A; nullopt for any other text. Upper-case digits.
inline std::optional<char> byte_of_token_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  const std::size_t high = kDigits.find(text[3]), low = kDigits.find(text[4]);
  if (high == kDigits.npos || low == kDigits.npos) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

}  // namespace eddy
