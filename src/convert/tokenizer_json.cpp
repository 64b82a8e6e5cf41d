#include "convert/tokenizer_json.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/try.h"
#include "convert/token_list.h"
#include "formats/gguf_value.h"
#include "text/byte_token.h"

namespace eddy::convert {
namespace {

using nlohmann::json;

// The value at the keys; null where there is none.
const json& at(const json& file, std::initializer_list<const char*> keys) {
  static const json kNull;
  const json* value = &file;
  for (const char* key : keys) {
    if (!value->is_object()) return kNull;
    const auto found = value->find(key);
    if (found == value->end()) return kNull;
    value = &*found;
  }
  return *value;
}

std::string text_at(const json& file, std::initializer_list<const char*> keys) {
  const auto* text = at(file, keys).get_ptr<const std::string*>();
  return text ? *text : std::string();
}

bool flag_at(const json& file, std::initializer_list<const char*> keys, bool otherwise) {
  const json& value = at(file, keys);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

// The steps of a sequence (of pre-tokenizers, normalizers, decoders), or the one that there is.
std::vector<const json*> steps_of(const json& part, const char* list) {
  std::vector<const json*> steps;
  if (text_at(part, {"type"}) != "Sequence") {
    if (part.is_object()) steps.push_back(&part);
    return steps;
  }
  for (const json& step : at(part, {list})) steps.push_back(&step);
  return steps;
}

bool has_step(const json& part, const char* list, std::string_view type) {
  return std::ranges::any_of(steps_of(part, list),
                             [&](const json* step) { return text_at(*step, {"type"}) == type; });
}

class Reader {
 public:
  Reader(const json& file, Vocabulary& vocabulary, std::int64_t n_vocab)
      : file_(file), vocabulary_(vocabulary), tokens_(vocabulary, n_vocab) {}

  Status read() {
    EDDY_TRY(find_model());
    EDDY_TRY(read_tokens());
    EDDY_TRY(read_merges());
    EDDY_TRY(read_added());
    read_habits();
    return {};
  }

 private:
  Status find_model() {
    const std::string type = text_at(file_, {"model", "type"});
    const bool is_byte_level = has_step(at(file_, {"pre_tokenizer"}), "pretokenizers", "ByteLevel");
    const bool falls_back = flag_at(file_, {"model", "byte_fallback"}, false);
    if ((type != "BPE" && !type.empty()) || is_byte_level == falls_back) {
      return fail(ErrorCode::kUnsupported,
                  "a tokenizer of type \"{}\", expected BPE, of bytes or with byte_fallback",
                  printable(type));
    }
    vocabulary_.model = is_byte_level ? VocabularyModel::kBpe : VocabularyModel::kSpm;
    if (!is_byte_level) return {};
    EDDY_TRY_ASSIGN(vocabulary_.pre, pre_tokenizer_name(file_));
    return {};
  }

  Status read_tokens() {
    const json& tokens = at(file_, {"model", "vocab"});
    if (!tokens.is_object()) {
      return fail(ErrorCode::kMalformed, "model.vocab: {}, expected an object", tokens.type_name());
    }
    const std::string unknown = text_at(file_, {"model", "unk_token"});
    for (const auto& [text, id] : tokens.items()) {
      if (!id.is_number_integer()) {
        return fail(ErrorCode::kMalformed, "model.vocab: \"{}\": {}, expected an id",
                    printable(text), id.type_name());
      }
      const bool is_byte = vocabulary_.model == VocabularyModel::kSpm && byte_of_token_text(text);
      const auto type = is_byte                            ? TokenType::kByte
                        : !text.empty() && text == unknown ? TokenType::kUnknown
                                                           : TokenType::kNormal;
      EDDY_TRY(tokens_.add(id.get<std::int64_t>(), text, type));
    }
    return {};
  }

  // "left right", or, in later files, [left, right].
  Status read_merges() {
    const json& merges = at(file_, {"model", "merges"});
    if (!merges.is_array()) {
      return fail(ErrorCode::kMalformed, "model.merges: {}, expected an array", merges.type_name());
    }
    for (const json& merge : merges) {
      const bool is_pair =
          merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
      if (!is_pair && !merge.is_string()) {
        return fail(ErrorCode::kMalformed, "model.merges: merge {}: {}, expected two texts",
                    vocabulary_.merges.size(), merge.type_name());
      }
      vocabulary_.merges.push_back(is_pair ? merge[0].get<std::string>() + " " +
                                                 merge[1].get<std::string>()
                                           : merge.get<std::string>());
    }
    if (vocabulary_.model == VocabularyModel::kSpm) score_by_merges();
    return {};
  }

  void score_by_merges() {
    std::unordered_map<std::string, std::size_t> ranks;
    for (std::size_t rank = 0; rank < vocabulary_.merges.size(); ++rank) {
      std::string piece = vocabulary_.merges[rank];
      const std::size_t space = piece.find(' ', 1);
      if (space != piece.npos) ranks.try_emplace(piece.erase(space, 1), rank);
    }
    for (std::size_t i = 0; i < vocabulary_.texts.size(); ++i) {
      const auto found = ranks.find(vocabulary_.texts[i]);
      const std::size_t rank = found == ranks.end() ? ranks.size() : found->second;
      vocabulary_.scores[i] = -static_cast<float>(rank);
    }
    vocabulary_.merges.clear();
  }

  Status read_added() {
    for (const json& token : at(file_, {"added_tokens"})) {
      const json& id = at(token, {"id"});
      if (!id.is_number_integer() || !at(token, {"content"}).is_string()) {
        return fail(ErrorCode::kMalformed, "added_tokens: a token without id and content");
      }
      EDDY_TRY(tokens_.add_added(id.get<std::int64_t>(), text_at(token, {"content"}),
                                 flag_at(token, {"special"}, false)));
    }
    return {};
  }

  // What is put before a text.
  void read_habits() {
    const json& pre = at(file_, {"pre_tokenizer"});
    for (const json* step : steps_of(pre, "pretokenizers")) {
      if (text_at(*step, {"type"}) != "Metaspace") continue;
      const std::string scheme = text_at(*step, {"prepend_scheme"});
      vocabulary_.add_space_prefix =
          scheme.empty() ? flag_at(*step, {"add_prefix_space"}, true) : scheme != "never";
    }
    if (has_step(at(file_, {"normalizer"}), "normalizers", "Prepend")) {
      vocabulary_.add_space_prefix = true;
    }
    vocabulary_.add_bos = false;
    for (const json* step : steps_of(at(file_, {"post_processor"}), "processors")) {
      const json& single = at(*step, {"single"});
      if (!single.is_array() || single.empty()) continue;
      const auto bos = find_token(vocabulary_, text_at(single.front(), {"SpecialToken", "id"}));
      if (!bos || !single.front().contains("SpecialToken")) continue;
      vocabulary_.bos = bos;
      vocabulary_.add_bos = true;
    }
  }

  const json& file_;
  Vocabulary& vocabulary_;
  TokenList tokens_;
};

// What a step of a pre-tokenizer does, in a word.
std::string step_name(const json& step) {
  const std::string type = text_at(step, {"type"});
  if (type == "ByteLevel") {
    if (flag_at(step, {"add_prefix_space"}, true)) return "a space before";
    return flag_at(step, {"use_regex"}, true) ? "gpt2" : "";
  }
  if (type == "Digits") return flag_at(step, {"individual_digits"}, false) ? "digits" : "numbers";
  if (type != "Split") return type;
  const std::string regex = text_at(step, {"pattern", "Regex"});
  return regex.empty() ? text_at(step, {"pattern", "String"}) : regex;
}

#define EDDY_CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define EDDY_WORD "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define EDDY_REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define EDDY_MARKS "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+"

struct KnownSteps {
  std::string_view steps;
  std::string_view name;
};

// By the names of the steps, with a blank between.
constexpr KnownSteps kKnown[] = {
    {"gpt2", "gpt-2"},
    {"digits gpt2", "starcoder"},
    {"Punctuation gpt2 [0-9][0-9][0-9]", "falcon"},
    {"Punctuation gpt2 numbers [0-9][0-9][0-9]", "falcon"},
    {EDDY_CONTRACTION EDDY_WORD "\\p{N}{1,3}" EDDY_REST, "llama-bpe"},
    {EDDY_CONTRACTION EDDY_WORD "\\p{N}" EDDY_REST, "qwen2"},
    {EDDY_CONTRACTION "|" EDDY_MARKS
                      "|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     "qwen35"},
};
#undef EDDY_CONTRACTION
#undef EDDY_WORD
#undef EDDY_REST
#undef EDDY_MARKS

}  // namespace

Result<std::string> pre_tokenizer_name(const json& file) {
  std::string steps;
  for (const json* step : steps_of(at(file, {"pre_tokenizer"}), "pretokenizers")) {
    const std::string name = step_name(*step);
    if (!name.empty()) steps += (steps.empty() ? "" : " ") + name;
  }
  const auto* known = std::ranges::find(kKnown, steps, &KnownSteps::steps);
  if (known == std::end(kKnown)) {
    return fail(ErrorCode::kUnsupported, "pre_tokenizer: a way to cut words that is not known: {}",
                printable(steps));
  }
  // The same rule, but a word that is a token needs no merges.
  const bool is_llama = known->name == "llama-bpe";
  if (is_llama && !flag_at(file, {"model", "ignore_merges"}, false)) return std::string("dbrx");
  return std::string(known->name);
}

Result<Vocabulary> read_tokenizer_json(const json& file, std::int64_t n_vocab) {
  Vocabulary vocabulary;
  EDDY_TRY(Reader(file, vocabulary, n_vocab).read());
  return vocabulary;
}

}  // namespace eddy::convert
