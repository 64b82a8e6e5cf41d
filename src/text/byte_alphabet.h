// The alphabet of byte-level BPE (GPT-2): each byte is written as a printable character. The bytes
// 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF are the code points of equal value; the 68 others, in order,
// are U+0100, U+0101, ...
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eddy {

// The bytes that a text in this alphabet stands for; nullopt if a character is outside of it.
std::optional<std::string> bytes_of_alphabet(std::string_view text);

}  // namespace eddy
