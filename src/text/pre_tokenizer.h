// The table of pre-tokenizers: how a text is cut into pieces before byte-level BPE, by the name
// that the file gives in tokenizer.ggml.pre.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "text/split_rules.h"

namespace eddy {

struct PreTokenizer {
  std::string_view name;
  std::span<const SplitRule> rules;  // each cuts the pieces of the one before
  bool ignore_merges = false;        // a piece that is a token's text becomes this token
  bool add_bos = false;              // where the file does not say
};

// In order of families.
std::span<const PreTokenizer> pre_tokenizers();

// nullptr if there is none of this name.
const PreTokenizer* find_pre_tokenizer(std::string_view name);

// The pieces of the text in order, none empty; together they are the text. An ill-formed byte is a
// symbol to the rules, as U+FFFD is, and stays what it is.
std::vector<std::string_view> split_text(std::string_view text, const PreTokenizer& pre_tokenizer);

}  // namespace eddy
