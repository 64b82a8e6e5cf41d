#include "text/pre_tokenizer.h"

#include <algorithm>

#include "text/utf8.h"

namespace eddy {
namespace {

constexpr SplitRule kGpt2[] = {split_gpt2};
constexpr SplitRule kLlama3[] = {split_llama3};
constexpr SplitRule kQwen2[] = {split_qwen2};
constexpr SplitRule kQwen35[] = {split_qwen35};
constexpr SplitRule kTekken[] = {split_tekken};
constexpr SplitRule kKimiK2[] = {split_kimi_k2};
constexpr SplitRule kStarcoder[] = {split_number, split_gpt2};
constexpr SplitRule kFalcon[] = {split_punctuation_tick, split_gpt2, split_three_digits};
constexpr SplitRule kDefault[] = {split_punctuation, split_gpt2, split_numbers, split_three_digits};

constexpr PreTokenizer kPreTokenizers[] = {
    {"gpt-2", kGpt2},
    {"a.x-4.0", kGpt2},
    {"exaone4", kGpt2},
    {"gigachat", kGpt2},
    {"granite-docling", kGpt2},
    {"jais", kGpt2},
    {"jina-de", kGpt2},
    {"jina-es", kGpt2},
    {"jina-v2-de", kGpt2},
    {"jina-v2-es", kGpt2},
    {"mellum", kGpt2},
    {"mpt", kGpt2},
    {"olmo", kGpt2},
    {"phi-2", kGpt2},
    {"trillion", kGpt2},
    {"llama-bpe", kLlama3, true, true},
    {"falcon-h1", kLlama3, true, true},
    {"falcon3", kLlama3, true, true},
    {"jina-v5-nano", kLlama3, true, true},
    {"lfm2", kLlama3, true, true},
    {"llama-v3", kLlama3, true, true},
    {"llama3", kLlama3, true, true},
    {"midm-2.0", kLlama3, true, true},
    {"pixtral", kLlama3, true, true},
    {"dbrx", kLlama3},
    {"smaug-bpe", kLlama3},
    {"qwen2", kQwen2},
    {"deepseek-r1-qwen", kQwen2},
    {"grok-2", kQwen2},
    {"hunyuan", kQwen2},
    {"kormo", kQwen2},
    {"megrez", kQwen2},
    {"stablelm2", kQwen2},
    {"qwen35", kQwen35},
    {"tekken", kTekken, true, true},
    {"kimi-k2", kKimiK2},
    {"starcoder", kStarcoder},
    {"codeshell", kStarcoder},
    {"command-r", kStarcoder},
    {"exaone", kStarcoder},
    {"minerva-7b", kStarcoder},
    {"refact", kStarcoder},
    {"smollm", kStarcoder},
    {"falcon", kFalcon},
    {"default", kDefault},
};

std::vector<Char> decode(std::string_view text) {
  std::vector<Char> chars;
  chars.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = first_utf8_char(text);
    chars.push_back({c.code_point, char_kind(c.code_point), c.n_bytes});
    text.remove_prefix(c.n_bytes);
  }
  return chars;
}

// Cuts the characters by all rules. `rest` is the text from their start on, and is moved on behind
// them.
void split(std::span<const Char> chars, std::span<const SplitRule> rules, std::string_view& rest,
           std::vector<std::string_view>& pieces) {
  if (rules.empty()) {
    std::size_t n_bytes = 0;
    for (const Char& c : chars) n_bytes += c.n_bytes;
    pieces.push_back(rest.substr(0, n_bytes));
    rest.remove_prefix(n_bytes);
    return;
  }
  while (!chars.empty()) {
    const std::size_t n = rules[0](chars);
    split(chars.first(n), rules.subspan(1), rest, pieces);
    chars = chars.subspan(n);
  }
}

}  // namespace

std::span<const PreTokenizer> pre_tokenizers() { return kPreTokenizers; }

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  const auto* found = std::ranges::find(kPreTokenizers, name, &PreTokenizer::name);
  return found == std::end(kPreTokenizers) ? nullptr : found;
}

std::vector<std::string_view> split_text(std::string_view text, const PreTokenizer& pre_tokenizer) {
  const std::vector<Char> chars = decode(text);
  std::vector<std::string_view> pieces;
  split(chars, pre_tokenizer.rules, text, pieces);
  return pieces;
}

}  // namespace eddy
