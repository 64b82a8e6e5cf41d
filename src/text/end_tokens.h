// Which tokens end an answer. Files name few of them; the others are known by their texts.
#pragma once

#include <vector>

#include "text/vocabulary.h"

namespace eddy {

// By token, whether it ends an answer. Fills the markers that the file does not name (eot, eom and
// fim_*) by their texts, and makes what it finds by text a control token: such a text in data is
// never the marker, whatever type the file gave it. In a World vocabulary nothing is found by text,
// and ordinary text ends no answer (docs/decisions/0022-paragraphs-end-no-answer.md).
std::vector<bool> find_end_tokens(Vocabulary& vocabulary);

}  // namespace eddy
