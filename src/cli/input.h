// What a command reads besides its model: whole files, standard input, token ids as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

// All bytes of a file; "-" is standard input. kIo.
Result<std::string> read_all(const std::string& path);

// Numbers separated by white space or commas. `where` begins the error message. kMalformed: not a
// number, or none that is a token id.
Result<std::vector<Token>> parse_tokens(std::string_view text, std::string_view where);

}  // namespace eddy
