// Reads a file's vocabulary from tokenizer.ggml.*.
//
// Of the arrays, tokens must be there, token_type and scores may be absent but are as long as
// tokens, merges must be there for BPE. Of other things that files get wrong these do no harm:
//   token ids outside the vocabulary are as if absent
//   token texts and merges that are there twice count the first time
//   an empty token text stands for nothing
// What a World vocabulary must have besides: world_vocabulary.h.
// A token's text has at most 1 KiB, and the special tokens together at most 1 MiB: more would cost
// memory and time out of proportion.
#pragma once

#include "eddy/result.h"
#include "formats/gguf.h"
#include "text/vocabulary.h"

namespace eddy {

// kMalformed; kUnsupported: a tokenizer model that is not known. The message starts with the key.
Result<Vocabulary> load_vocabulary(const GgufFile& file);

}  // namespace eddy
