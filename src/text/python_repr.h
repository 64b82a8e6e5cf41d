// Bytes and texts as Python's repr() writes them, without the b and the quotes: \t \n \r \\ \' \"
// and, for a byte, \xhh; for a code point \xhh, \uhhhh or \Uhhhhhhhh.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eddy {

// What it stands for; nullopt: a backslash that begins none of these.
std::optional<std::string> bytes_of_repr(std::string_view repr);

// The same for a text, as UTF-8; nullopt also for a number that is no code point.
std::optional<std::string> text_of_repr(std::string_view repr);

// What stands for bytes: printable ASCII as it is, both quotes too.
std::string repr_of_bytes(std::string_view bytes);

}  // namespace eddy
