// A SentencePiece model file, tokenizer.model: a protobuf message of pieces with scores and types.
#pragma once

#include <cstdint>
#include <string_view>

#include "eddy/result.h"
#include "text/vocabulary.h"

namespace eddy::convert {

// n_vocab tokens, the pieces first and the others of no known type. kMalformed; kUnsupported: a
// model that is no BPE.
Result<Vocabulary> read_sentencepiece_model(std::string_view bytes, std::int64_t n_vocab);

}  // namespace eddy::convert
