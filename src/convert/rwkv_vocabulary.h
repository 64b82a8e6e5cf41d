// RWKV's vocabulary as its author writes it: a line for each token, its id, its text as a literal
// of Python ('a', "it's", b'\xff'), and its number of bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "eddy/result.h"
#include "text/vocabulary.h"

namespace eddy::convert {

// n_vocab tokens; token 0 is <s>, and ends a document. kMalformed: the message starts with the
// line.
Result<Vocabulary> read_rwkv_vocabulary(std::string_view text, std::int64_t n_vocab);

}  // namespace eddy::convert
