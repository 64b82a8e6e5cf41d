#include "make_model/vocabulary.h"

#include <array>
#include <string>
#include <utility>

namespace eddy::make_model {
namespace {

// Frequent pairs of English text. A space is written as byte-level BPE maps it.
#define EDDY_SPACE "\xC4\xA0"
constexpr std::pair<std::string_view, std::string_view> kMerges[] = {
    {EDDY_SPACE, "t"}, {"h", "e"},
    {EDDY_SPACE, "a"}, {"i", "n"},
    {"r", "e"},        {EDDY_SPACE "t", "he"},
    {"e", "r"},        {"o", "n"},
    {EDDY_SPACE, "s"}, {"a", "t"},
    {"e", "n"},        {EDDY_SPACE, "w"},
    {"o", "u"},        {"n", "d"},
    {"i", "s"},        {EDDY_SPACE "a", "nd"},
};

std::string utf8(std::uint32_t code_point) {  // below U+0800
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3F))};
}

// The printable stand-in of each byte in byte-level BPE.
std::vector<std::string> byte_texts() {
  std::vector<std::string> texts;
  std::uint32_t next_substitute = 0x100;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    texts.push_back(utf8(printable ? byte : next_substitute++));
  }
  return texts;
}

// The k-th made up word: two or three syllables after a space.
std::string word(std::size_t k) {
  constexpr std::string_view kConsonants = "bdfgklmnprstvz", kVowels = "aeiou";
  constexpr std::size_t kSyllables = kConsonants.size() * kVowels.size();
  std::string text = EDDY_SPACE;
  for (std::size_t rest = k, i = 0; i < 2 || rest > 0; ++i, rest /= kSyllables) {
    text += kConsonants[rest % kSyllables / kVowels.size()];
    text += kVowels[rest % kVowels.size()];
  }
  return text;
}
#undef EDDY_SPACE

}  // namespace

void add_vocabulary(Plan& plan, std::int64_t n_vocab) {
  constexpr std::int32_t kNormal = 1, kControl = 3;  // token types: part of the format
  const auto n = static_cast<std::size_t>(n_vocab);
  std::vector<std::string> tokens = {"<|endoftext|>"};
  for (std::string& text : byte_texts()) tokens.push_back(std::move(text));
  std::vector<std::string> merges;
  for (const auto& [left, right] : kMerges) {
    tokens.push_back(std::string(left) + std::string(right));
    merges.push_back(std::string(left) + " " + std::string(right));
  }
  for (std::size_t k = 0; tokens.size() < n; ++k) tokens.push_back(word(k));
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  types[0] = kControl;

  plan.add("tokenizer.ggml.model", std::string("gpt2"));
  plan.add("tokenizer.ggml.pre", std::string("olmo"));
  plan.add("tokenizer.ggml.tokens", std::move(tokens));
  plan.add("tokenizer.ggml.token_type", std::move(types));
  plan.add("tokenizer.ggml.merges", std::move(merges));
  plan.add("tokenizer.ggml.bos_token_id", std::uint32_t{0});
  plan.add("tokenizer.ggml.eos_token_id", std::uint32_t{0});
  plan.add("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  plan.add("tokenizer.ggml.add_bos_token", false);
}

}  // namespace eddy::make_model
