// Vocabularies that have something of everything: merges of runs, of spaces and of a character's
// bytes, user-defined and control tokens, many of them alike.
#pragma once

#include <string>

#include "text/vocabulary.h"

namespace eddy::test {

Vocabulary rich_bpe(const std::string& pre);
Vocabulary rich_spm();
Vocabulary rich_world();

}  // namespace eddy::test
