#include "text/end_tokens.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>

namespace eddy {
namespace {

#define EDDY_BAR "\xEF\xBD\x9C"    // U+FF5C, a wide |
#define EDDY_SPACE "\xE2\x96\x81"  // U+2581, a space

// The texts of each marker; the first that is there is the marker.
constexpr std::string_view kEot[] = {"<|eot_id|>",
                                     "<|im_end|>",
                                     "<|end|>",
                                     "<end_of_turn>",
                                     "<|endoftext|>",
                                     "<|end_of_text|>",
                                     "<EOT>",
                                     "_<EOT>",
                                     "<" EDDY_BAR "end" EDDY_SPACE "of" EDDY_SPACE
                                     "sentence" EDDY_BAR ">",
                                     "<end_of_utterance>"};
constexpr std::string_view kEom[] = {"<|eom_id|>"};
constexpr std::string_view kFimPre[] = {
    "<|fim_prefix|>", "<fim-prefix>",
    "<fim_prefix>",   "<" EDDY_BAR "fim" EDDY_SPACE "begin" EDDY_BAR ">",
    "<PRE>",          EDDY_SPACE "<PRE>",
    "<|code_prefix|>"};
constexpr std::string_view kFimSuf[] = {
    "<|fim_suffix|>", "<fim-suffix>",
    "<fim_suffix>",   "<" EDDY_BAR "fim" EDDY_SPACE "hole" EDDY_BAR ">",
    "<SUF>",          EDDY_SPACE "<SUF>",
    "<|code_suffix|>"};
constexpr std::string_view kFimMid[] = {
    "<|fim_middle|>", "<fim-middle>",
    "<fim_middle>",   "<" EDDY_BAR "fim" EDDY_SPACE "end" EDDY_BAR ">",
    "<MID>",          EDDY_SPACE "<MID>",
    "<|code_middle|>"};
constexpr std::string_view kFimPad[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>"};
constexpr std::string_view kFimRep[] = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>",
                                        "<reponame>"};
constexpr std::string_view kFimSep[] = {"<|file_sep|>"};
#undef EDDY_BAR
#undef EDDY_SPACE

struct Marker {
  std::optional<Token> Vocabulary::*token;
  std::span<const std::string_view> texts;
  bool ends_answer;
};

constexpr Marker kMarkers[] = {
    {&Vocabulary::eot, kEot, true},         {&Vocabulary::eom, kEom, true},
    {&Vocabulary::fim_pre, kFimPre, false}, {&Vocabulary::fim_suf, kFimSuf, false},
    {&Vocabulary::fim_mid, kFimMid, false}, {&Vocabulary::fim_pad, kFimPad, true},
    {&Vocabulary::fim_rep, kFimRep, true},  {&Vocabulary::fim_sep, kFimSep, true},
};

// Tokens of these texts end an answer, besides the markers.
constexpr std::string_view kEnds[] = {
    "<|eot_id|>",    "<|im_end|>", "<|end|>", "<|return|>", "<|call|>",        "<end_of_turn>",
    "<|endoftext|>", "<|eom_id|>", "<EOT>",   "_<EOT>",     "<|end_of_text|>", "<end_of_utterance>",
};

class Finder {
 public:
  explicit Finder(Vocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (const Marker& marker : kMarkers) {
      for (const std::string_view text : marker.texts) by_text_[text] = -1;
    }
    for (const std::string_view text : kEnds) by_text_[text] = -1;
    for (std::int32_t token = vocabulary.n_tokens() - 1; token >= 0; --token) {
      const auto found = by_text_.find(vocabulary.text(token));
      if (found != by_text_.end()) found->second = token;
    }
  }

  // The first token of this text; it is a control token from now on.
  std::optional<Token> take(std::string_view text) {
    const std::int32_t token = by_text_.at(text);
    if (token < 0) return std::nullopt;
    vocabulary_.types[static_cast<std::size_t>(token)] = TokenType::kControl;
    return Token(token);
  }

  std::optional<Token> take_first(std::span<const std::string_view> texts) {
    for (const std::string_view text : texts) {
      if (const auto token = take(text)) return token;
    }
    return std::nullopt;
  }

 private:
  Vocabulary& vocabulary_;
  std::unordered_map<std::string_view, std::int32_t> by_text_;  // -1: no such token
};

// In a World vocabulary text is text, and a turn's end that is a text ends no answer: files name
// "\n\n", because a chat format uses it so, and a paragraph ends with it as well.
std::vector<bool> end_tokens_of_world(const Vocabulary& vocabulary) {
  std::vector<bool> ends(vocabulary.texts.size());
  const auto mark = [&](Token token) { ends[static_cast<std::size_t>(token.value)] = true; };
  if (vocabulary.eos) mark(*vocabulary.eos);
  for (const auto token : {vocabulary.eot, vocabulary.eom}) {
    if (token && is_special(vocabulary.type(token->value))) mark(*token);
  }
  return ends;
}

}  // namespace

std::vector<bool> find_end_tokens(Vocabulary& vocabulary) {
  if (vocabulary.model == VocabularyModel::kWorld) return end_tokens_of_world(vocabulary);
  std::vector<bool> ends(vocabulary.texts.size());
  const auto mark = [&](std::optional<Token> token, bool is_end = true) {
    if (token) ends[static_cast<std::size_t>(token->value)] = is_end;
  };
  Finder finder(vocabulary);
  for (const Marker& marker : kMarkers) {
    std::optional<Token>& token = vocabulary.*marker.token;
    if (!token) token = finder.take_first(marker.texts);
    if (marker.ends_answer) mark(token);
  }
  for (const std::string_view text : kEnds) mark(finder.take(text));
  mark(vocabulary.eos);
  // In the Harmony format <|end|> ends a message, and the answer goes on.
  if (finder.take("<|return|>") && finder.take("<|call|>")) mark(finder.take("<|end|>"), false);
  return ends;
}

}  // namespace eddy
