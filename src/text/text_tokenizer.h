// The tokenizer of a vocabulary: special tokens, what begins a text, and subwords between.
#pragma once

#include <memory>

#include "eddy/result.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace eddy {

// The vocabulary as load_vocabulary gives it. kUnsupported: a pre-tokenizer that is not known.
Result<std::unique_ptr<const Tokenizer>> make_tokenizer(Vocabulary vocabulary);

}  // namespace eddy
