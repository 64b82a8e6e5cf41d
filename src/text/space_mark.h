// SentencePiece's spelling of the space in its tokens' texts.
#pragma once

#include <string>
#include <string_view>

namespace eddy {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// The text with spaces for them.
inline std::string with_spaces(std::string_view text) {
  std::string out;
  for (std::size_t at = text.find(kSpaceMark); at != text.npos; at = text.find(kSpaceMark)) {
    out.append(text.substr(0, at)).append(1, ' ');
    text.remove_prefix(at + kSpaceMark.size());
  }
  return out.append(text);
}

}  // namespace eddy
