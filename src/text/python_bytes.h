// Bytes as Python's repr() writes them, without the b and the quotes: printable ASCII as it is, and
// \t \n \r \\ \' \" and \xhh for a byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace eddy {

// What the text stands for; nullopt: a backslash that begins none of these.
std::optional<std::string> bytes_of_repr(std::string_view text);

// The same from bytes; both quotes are left as they are.
std::string repr_of_bytes(std::string_view bytes);

}  // namespace eddy
