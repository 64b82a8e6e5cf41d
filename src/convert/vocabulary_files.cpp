#include "convert/vocabulary_files.h"

#include <fmt/format.h>

#include <charconv>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/try.h"
#include "convert/rwkv_vocabulary.h"
#include "convert/sentencepiece_model.h"
#include "convert/token_list.h"
#include "convert/tokenizer_json.h"
#include "formats/gguf.h"
#include "formats/json_text.h"
#include "text/python_repr.h"
#include "text/tokenizer.h"

namespace eddy::convert {
namespace {

using nlohmann::json;

constexpr std::string_view kRwkv = "rwkv_vocab_v20230424.txt", kSentencePiece = "tokenizer.model",
                           kJson = "tokenizer.json", kTokenizerConfig = "tokenizer_config.json",
                           kAdded = "added_tokens.json";

constexpr std::int64_t kMaxVocab = std::int64_t{1} << 21;

// What a file gives; nullopt where it is not there. `read` takes its text.
template <class Read>
Result<std::optional<Vocabulary>> read_file(const Checkpoint& checkpoint, std::string_view name,
                                            const Read& read) {
  const std::string path = checkpoint.path(name);
  const auto file = MappedFile::open(checkpoint.fs(), path);
  if (!file && file.error().code == ErrorCode::kNotFound) return std::optional<Vocabulary>();
  if (!file) return file.error();
  const std::span<const std::byte> bytes = file->bytes();
  Result<Vocabulary> vocabulary =
      read(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  if (!vocabulary) return prefixed(path, std::move(vocabulary).error());
  return std::optional(std::move(*vocabulary));
}

Result<Vocabulary> read_main_file(const Checkpoint& checkpoint, std::int64_t n_vocab) {
  EDDY_TRY_ASSIGN(auto rwkv, read_file(checkpoint, kRwkv, [&](std::string_view text) {
                    return read_rwkv_vocabulary(text, n_vocab);
                  }));
  if (rwkv) return *std::move(rwkv);
  EDDY_TRY_ASSIGN(auto pieces, read_file(checkpoint, kSentencePiece, [&](std::string_view bytes) {
                    return read_sentencepiece_model(bytes, n_vocab);
                  }));
  if (pieces) return *std::move(pieces);
  EDDY_TRY_ASSIGN(auto tokenizer,
                  read_file(checkpoint, kJson, [&](std::string_view text) -> Result<Vocabulary> {
                    EDDY_TRY_ASSIGN(const json file, parse_json(text));
                    return read_tokenizer_json(file, n_vocab);
                  }));
  if (tokenizer) return *std::move(tokenizer);
  return fail(ErrorCode::kNotFound, "{}: no tokenizer, expected {}, {} or {}", checkpoint.folder(),
              kJson, kSentencePiece, kRwkv);
}

// An object that a folder may lack: empty then.
Result<json> read_object(const Checkpoint& checkpoint, std::string_view name) {
  auto file = read_json(checkpoint.fs(), checkpoint.path(name));
  if (!file && file.error().code == ErrorCode::kNotFound) return json::object();
  if (!file || file->is_object()) return file;
  return fail(ErrorCode::kMalformed, "{}: {}, expected an object", checkpoint.path(name),
              file->type_name());
}

// Tokens that files beside tokenizer.model add to it.
Status add_tokens(const Checkpoint& checkpoint, const json& config, TokenList& tokens) {
  EDDY_TRY_ASSIGN(const json added, read_object(checkpoint, kAdded));
  for (const auto& [text, id] : added.items()) {
    if (id.is_number_integer()) EDDY_TRY(tokens.add_added(id.get<std::int64_t>(), text, false));
  }
  const auto decoder = config.find("added_tokens_decoder");
  if (decoder == config.end() || !decoder->is_object()) return {};
  for (const auto& [key, token] : decoder->items()) {
    std::int64_t id = -1;
    std::from_chars(key.data(), key.data() + key.size(), id);
    if (!token.is_object() || !token.contains("content") || !token["content"].is_string()) continue;
    const auto special = token.find("special");
    EDDY_TRY(tokens.add_added(id, token["content"].get<std::string>(),
                              special != token.end() && *special == true));
  }
  return {};
}

// A special token as tokenizer_config.json has it, a text or an object with its content; else the
// id of config.json, the first of a list.
std::optional<Token> special_token(const Vocabulary& vocabulary, const json& tokenizer_config,
                                   const json& config, const std::string& name) {
  auto value = tokenizer_config.value(name, json());
  if (value.is_object()) value = value.value("content", json());
  if (value.is_string()) {
    if (const auto token = find_token(vocabulary, value.get<std::string>())) return token;
  }
  auto id = config.value(name + "_id", json());
  if (id.is_array() && !id.empty()) id = json(id.front());
  if (!id.is_number_unsigned()) return std::nullopt;
  const auto number = id.get<std::uint64_t>();
  if (number >= vocabulary.texts.size()) return std::nullopt;
  return Token(static_cast<std::int32_t>(number));
}

void find_special_tokens(const json& tokenizer_config, const json& config, FoundVocabulary& found) {
  Vocabulary& vocabulary = found.vocabulary;
  const auto find = [&](const char* name, std::optional<Token>& token) {
    const auto special = special_token(vocabulary, tokenizer_config, config, name);
    if (special) token = special;
  };
  find("bos_token", vocabulary.bos);
  find("eos_token", vocabulary.eos);
  find("unk_token", vocabulary.unknown);
  find("pad_token", found.padding);
  const auto add_bos = tokenizer_config.value("add_bos_token", json());
  if (add_bos.is_boolean()) vocabulary.add_bos = add_bos.get<bool>();
}

void add_id(GgufWriter& writer, const char* key, std::optional<Token> token) {
  if (token) {
    writer.add(fmt::format("tokenizer.ggml.{}_token_id", key),
               static_cast<std::uint32_t>(token->value));
  }
}

}  // namespace

Result<FoundVocabulary> read_vocabulary(const Checkpoint& checkpoint, std::int64_t n_vocab) {
  if (n_vocab > kMaxVocab) {
    return fail(ErrorCode::kUnsupported, "{}: {} tokens, expected at most {}", checkpoint.folder(),
                n_vocab, kMaxVocab);
  }
  FoundVocabulary found;
  EDDY_TRY_ASSIGN(found.vocabulary, read_main_file(checkpoint, n_vocab));
  EDDY_TRY_ASSIGN(const json config, read_object(checkpoint, kTokenizerConfig));
  Vocabulary& vocabulary = found.vocabulary;
  if (vocabulary.model != VocabularyModel::kWorld) {
    TokenList tokens(vocabulary);
    const Status added = add_tokens(checkpoint, config, tokens);
    if (!added) return prefixed(checkpoint.folder(), added.error());
    find_special_tokens(config, checkpoint.config(), found);
  }
  TokenList(vocabulary).fill_holes();
  const auto chat = config.value("chat_template", json());
  if (chat.is_string()) found.chat_template = chat.get<std::string>();
  EDDY_TRY(check_vocabulary(found, checkpoint.folder()));
  return found;
}

void write_vocabulary(const FoundVocabulary& found, GgufWriter& writer) {
  const Vocabulary& vocabulary = found.vocabulary;
  std::vector<std::string> texts = vocabulary.texts;
  std::vector<std::int32_t> types;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    types.push_back(static_cast<std::int32_t>(vocabulary.types[i]));
    const bool is_escaped =
        vocabulary.model == VocabularyModel::kWorld && vocabulary.types[i] == TokenType::kNormal;
    if (is_escaped) texts[i] = repr_of_bytes(texts[i]);
  }
  constexpr const char* kModels[] = {"gpt2", "llama", "rwkv"};
  writer.add("tokenizer.ggml.model", kModels[static_cast<int>(vocabulary.model)]);
  if (vocabulary.model == VocabularyModel::kBpe) writer.add("tokenizer.ggml.pre", vocabulary.pre);
  writer.add("tokenizer.ggml.tokens", texts);
  writer.add("tokenizer.ggml.token_type", types);
  if (vocabulary.model == VocabularyModel::kSpm) {
    writer.add("tokenizer.ggml.scores", vocabulary.scores);
    writer.add("tokenizer.ggml.add_space_prefix", vocabulary.add_space_prefix);
  }
  if (vocabulary.model == VocabularyModel::kBpe) {
    writer.add("tokenizer.ggml.merges", vocabulary.merges);
  }
  add_id(writer, "bos", vocabulary.bos);
  add_id(writer, "eos", vocabulary.eos);
  add_id(writer, "unknown", vocabulary.unknown);
  add_id(writer, "padding", found.padding);
  if (vocabulary.add_bos) writer.add("tokenizer.ggml.add_bos_token", *vocabulary.add_bos);
  if (!found.chat_template.empty()) writer.add("tokenizer.chat_template", found.chat_template);
}

Status check_vocabulary(const FoundVocabulary& found, const std::string& name) {
  GgufWriter writer;
  write_vocabulary(found, writer);
  std::vector<std::byte> bytes;
  const auto sink = [&](std::span<const std::byte> more) -> Status {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  };
  EDDY_TRY(writer.write(sink, [](std::size_t, const GgufSink&) { return Status(); }));
  EDDY_TRY_ASSIGN(const GgufFile file, GgufFile::parse(bytes, name));
  const auto tokenizer = load_tokenizer(file);
  return tokenizer ? Status() : Status(tokenizer.error());
}

}  // namespace eddy::convert
