// The tokenizer's files of a checkpoint, and the keys of a file that they become.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "convert/checkpoint.h"
#include "eddy/result.h"
#include "formats/gguf_writer.h"
#include "text/vocabulary.h"

namespace eddy::convert {

struct FoundVocabulary {
  Vocabulary vocabulary;
  std::optional<Token> padding = {};
  std::string chat_template = {};
};

// Reads the first of rwkv_vocab_v20230424.txt, tokenizer.model and tokenizer.json that is there,
// and what tokenizer_config.json, added_tokens.json and config.json say besides. Exactly n_vocab
// tokens, those that no file names unused. kNotFound: none of them; kMalformed, kUnsupported, kIo.
Result<FoundVocabulary> read_vocabulary(const Checkpoint& checkpoint, std::int64_t n_vocab);

// Adds tokenizer.*.
void write_vocabulary(const FoundVocabulary& found, GgufWriter& writer);

// Whether the keys make a tokenizer; the error if not.
Status check_vocabulary(const FoundVocabulary& found, const std::string& name);

}  // namespace eddy::convert
