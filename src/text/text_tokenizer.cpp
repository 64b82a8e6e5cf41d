#include "text/text_tokenizer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "text/bpe.h"
#include "text/end_tokens.h"
#include "text/pre_tokenizer.h"
#include "text/special_tokens.h"
#include "text/spm.h"
#include "text/subwords.h"
#include "text/world.h"

namespace eddy {
namespace {

// The special tokens that are found in every text, or those that are found on request.
SpecialTokens special_tokens(const Vocabulary& vocabulary, bool parse_special) {
  std::vector<SpecialTokens::Special> specials;
  for (std::int32_t token = 0; token < vocabulary.n_tokens(); ++token) {
    const TokenType type = vocabulary.type(token);
    if (type == TokenType::kUserDefined || (is_special(type) && parse_special)) {
      specials.push_back({vocabulary.text(token), Token(token)});
    }
  }
  return SpecialTokens(std::move(specials));
}

class TextTokenizer final : public Tokenizer {
 public:
  struct Parts {
    std::unique_ptr<const Subwords> subwords;
    std::vector<bool> ends;          // by token
    std::optional<Token> begin;      // the token that begins a text, if one does
    bool begins_with_space = false;  // text at the very beginning gets a space before it
  };

  TextTokenizer(const Vocabulary& vocabulary, Parts parts)
      : parts_(std::move(parts)),
        always_special_(special_tokens(vocabulary, false)),
        special_(special_tokens(vocabulary, true)) {}

  std::vector<Token> encode(std::string_view text, bool begin, bool parse_special) const override {
    std::vector<Token> tokens;
    if (begin && parts_.begin) tokens.push_back(*parts_.begin);
    bool needs_space = begin && parts_.begins_with_space;
    for (const Fragment& fragment : (parse_special ? special_ : always_special_).split(text)) {
      if (fragment.token) {
        tokens.push_back(*fragment.token);
      } else if (needs_space) {
        encode_text(fmt::format(" {}", fragment.text), tokens);
      } else {
        encode_text(fragment.text, tokens);
      }
      needs_space = false;
    }
    return tokens;
  }

  std::string bytes(Token token) const override {
    return contains(token) ? std::string(parts_.subwords->bytes(token)) : std::string();
  }

  bool is_end(Token token) const override {
    return contains(token) && parts_.ends[static_cast<std::size_t>(token.value)];
  }

 private:
  bool contains(Token token) const {
    return token.value >= 0 && static_cast<std::size_t>(token.value) < parts_.ends.size();
  }

  void encode_text(std::string_view text, std::vector<Token>& out) const {
    for (; !text.empty(); text.remove_prefix(std::min(text.size(), kMaxPartBytes))) {
      parts_.subwords->encode(text.substr(0, kMaxPartBytes), out);
    }
  }

  Parts parts_;
  SpecialTokens always_special_;  // user-defined
  SpecialTokens special_;         // user-defined, control and unknown
};

Result<const PreTokenizer*> pre_tokenizer_of(const Vocabulary& vocabulary) {
  const PreTokenizer* found = find_pre_tokenizer(vocabulary.pre);
  if (found) return found;
  std::string names;
  for (const PreTokenizer& known : pre_tokenizers()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
  }
  return fail(ErrorCode::kUnsupported, "tokenizer.ggml.pre: \"{}\", expected one of {}",
              printable(vocabulary.pre), names);
}

}  // namespace

Result<std::unique_ptr<const Tokenizer>> make_tokenizer(Vocabulary vocabulary) {
  TextTokenizer::Parts parts;
  parts.ends = find_end_tokens(vocabulary);
  bool adds_bos = true;
  switch (vocabulary.model) {
    case VocabularyModel::kBpe: {
      EDDY_TRY_ASSIGN(const PreTokenizer* const pre_tokenizer, pre_tokenizer_of(vocabulary));
      adds_bos = pre_tokenizer->add_bos;
      parts.subwords = std::make_unique<Bpe>(vocabulary, *pre_tokenizer);
      break;
    }
    case VocabularyModel::kSpm: parts.subwords = std::make_unique<Spm>(vocabulary); break;
    case VocabularyModel::kWorld:
      vocabulary.add_bos = false;  // whatever the file says: such models begin with the text
      parts.subwords = std::make_unique<World>(vocabulary);
      break;
  }
  if (vocabulary.add_bos.value_or(adds_bos)) parts.begin = vocabulary.bos;
  parts.begins_with_space = vocabulary.add_space_prefix;
  return std::unique_ptr<const Tokenizer>(
      std::make_unique<TextTokenizer>(vocabulary, std::move(parts)));
}

}  // namespace eddy
