// What a session is beside its state.
#pragma once

#include <cstddef>
#include <vector>

#include "eddy/engine.h"
#include "eddy/types.h"
#include "engine/utf8_stream.h"

namespace eddy {

struct SessionText {
  std::vector<Token> tokens;
  std::vector<Turn> turns;   // none before another, none behind the last token
  Utf8Stream answer_bytes;   // keeps the unfinished code point of the newest answer
  std::size_t n_stored = 0;  // tokens of the newest state that was stored or restored
};

}  // namespace eddy
