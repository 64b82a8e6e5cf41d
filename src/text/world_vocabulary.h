// The rules of a World vocabulary, on top of those of all (vocabulary_loader.h).
//
// The file has the texts of normal tokens as python_bytes.h says. No two of them are the same, each
// of the 256 bytes is a token, so that every text has exactly one spelling, and together they have
// at most 16 MiB, which bounds the memory of the search.
#pragma once

#include "eddy/result.h"
#include "text/vocabulary.h"

namespace eddy {

// Makes bytes of the texts of normal tokens. kMalformed, as "element 5: ...": the message says
// which token, what it is and what was expected.
Status unescape_world(Vocabulary& vocabulary);

}  // namespace eddy
