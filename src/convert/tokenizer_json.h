// tokenizer.json of transformers: byte-level BPE, or BPE as SentencePiece's models are written
// there (characters, with a fallback to bytes).
//
// Such a file has merges and no scores. SentencePiece merges the pair of the highest score, and the
// merges are written in that order, those of one piece together: the score of a piece is minus the
// rank of the first merge that makes it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "eddy/result.h"
#include "text/vocabulary.h"

namespace eddy::convert {

// n_vocab tokens, those that the file does not have of no known type. kMalformed; kUnsupported:
// another kind of tokenizer, or a way to cut words that is not known.
Result<Vocabulary> read_tokenizer_json(const nlohmann::json& file, std::int64_t n_vocab);

// The name, as GGUF has it, of the way to cut words; the pre_tokenizer of the file.
Result<std::string> pre_tokenizer_name(const nlohmann::json& file);

}  // namespace eddy::convert
