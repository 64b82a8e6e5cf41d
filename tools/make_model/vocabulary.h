// A working vocabulary of byte-level BPE for a random model.
#pragma once

#include "make_model/plan.h"

namespace eddy::make_model {

// Adds the tokenizer's metadata: <|endoftext|>, the 256 bytes, the results of a few merges, and
// made up words, that no merge leads to, until there are n_vocab entries. n_vocab: 273 .. 343000.
void add_vocabulary(Plan& plan, std::int64_t n_vocab);

}  // namespace eddy::make_model
