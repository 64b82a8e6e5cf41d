#include "text/vocabulary_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "text/byte_token.h"
#include "text/world_vocabulary.h"

namespace eddy {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

// Far above what vocabularies in use have, whose longest texts are runs of some 128 spaces.
constexpr std::size_t kMaxTextBytes = 1024;
constexpr std::size_t kMaxSpecialBytes = std::size_t{1} << 20;

std::string full_key(std::string_view key) { return fmt::format("{}{}", kPrefix, key); }

bool has(const GgufFile& file, std::string_view key) { return file.find(full_key(key)) != nullptr; }

// The value of tokenizer.ggml.<key>; nullopt if there is none.
template <class T>
Result<std::optional<T>> read(const GgufFile& file, std::string_view key) {
  const GgufValue* value = file.find(full_key(key));
  if (!value) return std::optional<T>();
  Result<T> converted = gguf_value_as<T>(*value);
  if (!converted) return prefixed(full_key(key), std::move(converted).error());
  return std::optional<T>(std::move(*converted));
}

template <class T>
Result<T> require(const GgufFile& file, std::string_view key, std::string_view expected) {
  EDDY_TRY_ASSIGN(std::optional<T> value, read<T>(file, key));
  if (value) return std::move(*value);
  return fail(ErrorCode::kMalformed, "{}: missing, expected {}", full_key(key), expected);
}

Status check_length(std::string_view key, std::size_t found, std::size_t expected) {
  if (found == expected) return {};
  return fail(ErrorCode::kMalformed, "{}: {} elements, expected {} as in {}", full_key(key), found,
              expected, full_key("tokens"));
}

Result<VocabularyModel> read_model(const GgufFile& file) {
  EDDY_TRY_ASSIGN(const auto model, require<std::string_view>(file, "model", "string"));
  if (model == "gpt2") return VocabularyModel::kBpe;
  if (model == "llama") return VocabularyModel::kSpm;
  if (model == "rwkv") return VocabularyModel::kWorld;
  return fail(ErrorCode::kUnsupported, "{}: \"{}\", expected gpt2, llama or rwkv",
              full_key("model"), printable(model));
}

Result<std::vector<std::string>> read_strings(const GgufFile& file, std::string_view key) {
  EDDY_TRY_ASSIGN(const auto texts,
                  require<std::vector<std::string_view>>(file, key, "array of string"));
  return std::vector<std::string>(texts.begin(), texts.end());
}

Status read_tokens(const GgufFile& file, Vocabulary& vocabulary) {
  EDDY_TRY_ASSIGN(vocabulary.texts, read_strings(file, "tokens"));
  if (!vocabulary.texts.empty()) return {};
  return fail(ErrorCode::kMalformed, "{}: 0 elements, expected at least 1", full_key("tokens"));
}

// Without types all tokens are normal, but for SentencePiece's bytes, which their texts tell.
void guess_types(Vocabulary& vocabulary) {
  vocabulary.types.assign(vocabulary.texts.size(), TokenType::kNormal);
  if (vocabulary.model != VocabularyModel::kSpm) return;
  for (std::size_t i = 0; i < vocabulary.texts.size(); ++i) {
    if (byte_of_token_text(vocabulary.texts[i])) vocabulary.types[i] = TokenType::kByte;
  }
}

Status read_types(const GgufFile& file, Vocabulary& vocabulary) {
  constexpr std::string_view kKey = "token_type";
  if (!has(file, kKey)) {
    guess_types(vocabulary);
    return {};
  }
  EDDY_TRY_ASSIGN(const auto types, require<std::vector<std::int32_t>>(file, kKey, "array of i32"));
  EDDY_TRY(check_length(kKey, types.size(), vocabulary.texts.size()));
  for (std::size_t i = 0; i < types.size(); ++i) {
    const std::int32_t type = types[i];
    if (type < 0 || type > static_cast<std::int32_t>(TokenType::kByte)) {
      return fail(ErrorCode::kMalformed, "{}: element {}: {}, expected 0 .. 6", full_key(kKey), i,
                  type);
    }
    vocabulary.types.push_back(static_cast<TokenType>(type));
  }
  return {};
}

// Special tokens are searched for at every byte of a text, in a trie with a node for each byte, and
// SentencePiece looks up the text of every merge: the lengths bound memory and time.
Status check_texts(const Vocabulary& vocabulary) {
  std::size_t n_special_bytes = 0;
  for (std::int32_t token = 0; token < vocabulary.n_tokens(); ++token) {
    const std::size_t n_bytes = vocabulary.text(token).size();
    if (n_bytes > kMaxTextBytes) {
      return fail(ErrorCode::kMalformed, "{}: element {}: {} bytes, expected at most {}",
                  full_key("tokens"), token, n_bytes, kMaxTextBytes);
    }
    if (is_special(vocabulary.type(token))) n_special_bytes += n_bytes;
  }
  if (n_special_bytes <= kMaxSpecialBytes) return {};
  return fail(ErrorCode::kMalformed, "{}: {} bytes of special tokens, expected at most {}",
              full_key("tokens"), n_special_bytes, kMaxSpecialBytes);
}

Status read_scores(const GgufFile& file, Vocabulary& vocabulary) {
  constexpr std::string_view kKey = "scores";
  if (!has(file, kKey)) {
    vocabulary.scores.assign(vocabulary.texts.size(), 0);
    return {};
  }
  EDDY_TRY_ASSIGN(vocabulary.scores, require<std::vector<float>>(file, kKey, "array of f32"));
  EDDY_TRY(check_length(kKey, vocabulary.scores.size(), vocabulary.texts.size()));
  for (std::size_t i = 0; i < vocabulary.scores.size(); ++i) {
    if (!std::isnan(vocabulary.scores[i])) continue;
    return fail(ErrorCode::kMalformed, "{}: element {}: NaN, expected a number", full_key("scores"),
                i);
  }
  return {};
}

Status read_merges(const GgufFile& file, Vocabulary& vocabulary) {
  EDDY_TRY_ASSIGN(vocabulary.merges, read_strings(file, "merges"));
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string& merge = vocabulary.merges[i];
    const std::size_t space = merge.find(' ', 1);
    if (space != merge.npos && space + 1 < merge.size()) continue;
    return fail(ErrorCode::kMalformed, "{}: element {}: \"{}\", expected two texts and a space",
                full_key("merges"), i, printable(merge));
  }
  return {};
}

struct IdKey {
  std::string_view key;
  std::optional<Token> Vocabulary::*token;
};

// The later key counts where both are there.
constexpr IdKey kIdKeys[] = {
    {"bos_token_id", &Vocabulary::bos},         {"eos_token_id", &Vocabulary::eos},
    {"unknown_token_id", &Vocabulary::unknown}, {"eot_token_id", &Vocabulary::eot},
    {"eom_token_id", &Vocabulary::eom},         {"prefix_token_id", &Vocabulary::fim_pre},
    {"suffix_token_id", &Vocabulary::fim_suf},  {"middle_token_id", &Vocabulary::fim_mid},
    {"fim_pre_token_id", &Vocabulary::fim_pre}, {"fim_suf_token_id", &Vocabulary::fim_suf},
    {"fim_mid_token_id", &Vocabulary::fim_mid}, {"fim_pad_token_id", &Vocabulary::fim_pad},
    {"fim_rep_token_id", &Vocabulary::fim_rep}, {"fim_sep_token_id", &Vocabulary::fim_sep},
};

// What a file means that does not say; ids outside the vocabulary are none.
void set_default_ids(Vocabulary& vocabulary) {
  const auto token = [&](std::int32_t id) {
    return id < vocabulary.n_tokens() ? std::optional(Token(id)) : std::nullopt;
  };
  if (vocabulary.model == VocabularyModel::kWorld) {
    vocabulary.eos = token(0);  // the end of a document
    return;
  }
  const bool is_spm = vocabulary.model == VocabularyModel::kSpm;
  vocabulary.bos = token(is_spm ? 1 : 11);
  vocabulary.eos = token(is_spm ? 2 : 11);
  vocabulary.unknown = is_spm ? token(0) : std::nullopt;
}

Status read_ids(const GgufFile& file, Vocabulary& vocabulary) {
  set_default_ids(vocabulary);
  for (const IdKey& key : kIdKeys) {
    const GgufValue* value = file.find(full_key(key.key));
    const auto* too_large = value ? std::get_if<std::uint64_t>(value) : nullptr;
    if (too_large && *too_large > INT32_MAX) continue;
    EDDY_TRY_ASSIGN(const auto id, read<std::int64_t>(file, key.key));
    if (!id || *id < 0 || *id >= vocabulary.n_tokens()) continue;
    vocabulary.*key.token = Token(static_cast<std::int32_t>(*id));
  }
  return {};
}

Status read_habits(const GgufFile& file, Vocabulary& vocabulary) {
  EDDY_TRY_ASSIGN(vocabulary.add_bos, read<bool>(file, "add_bos_token"));
  if (vocabulary.model != VocabularyModel::kSpm) return {};
  EDDY_TRY_ASSIGN(const auto add_space, read<bool>(file, "add_space_prefix"));
  vocabulary.add_space_prefix = add_space.value_or(true);
  return {};
}

// What the model needs besides texts and types.
Status read_subwords(const GgufFile& file, Vocabulary& vocabulary) {
  switch (vocabulary.model) {
    case VocabularyModel::kSpm: return read_scores(file, vocabulary);
    case VocabularyModel::kWorld: {
      Status unescaped = unescape_world(vocabulary);
      return unescaped ? unescaped : prefixed(full_key("tokens"), std::move(unescaped).error());
    }
    case VocabularyModel::kBpe: break;
  }
  EDDY_TRY_ASSIGN(const auto pre, read<std::string_view>(file, "pre"));
  vocabulary.pre = pre.value_or("default");
  return read_merges(file, vocabulary);
}

}  // namespace

Result<Vocabulary> load_vocabulary(const GgufFile& file) {
  Vocabulary vocabulary;
  EDDY_TRY_ASSIGN(vocabulary.model, read_model(file));
  EDDY_TRY(read_tokens(file, vocabulary));
  EDDY_TRY(read_types(file, vocabulary));
  EDDY_TRY(check_texts(vocabulary));
  EDDY_TRY(read_ids(file, vocabulary));
  EDDY_TRY(read_habits(file, vocabulary));
  EDDY_TRY(read_subwords(file, vocabulary));
  return vocabulary;
}

}  // namespace eddy
