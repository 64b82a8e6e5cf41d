#include "text/split_rules.h"

#include <string_view>

#include "text/split_parts.h"

namespace eddy {
namespace {

// " ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"; 0 where it does not match.
std::size_t gpt2_run(Chars text) {
  const std::size_t start = text[0].code_point == ' ' ? 1 : 0;
  if (start == text.size() || is_space(text[start])) return 0;
  if (is_letter(text[start])) return run_end(text, start, is_letter);
  if (is_number(text[start])) return run_end(text, start, is_number);
  return run_end(text, start, is_rest);
}

// What LLAMA3, QWEN2 and QWEN35 have in common.
template <class Word>
std::size_t split_words(Chars text, std::size_t most_digits, const Word& is_word) {
  if (const std::size_t n = contraction(text, true)) return n;
  const bool has_prefix = text.size() > 1 && is_word(text[1]) && may_precede_word(text[0]);
  if (has_prefix || is_word(text[0])) return run_end(text, 1, is_word);
  if (const std::size_t n = number(text, most_digits)) return n;
  const auto is_other = [&](const Char& c) { return is_rest(c) && !is_word(c); };
  if (const std::size_t n = rest_run(text, is_other, is_line_break)) return n;
  return white_space(text, true);
}

// "PREDICATE+", and the gaps between.
template <class Predicate>
std::size_t run_or_gap(Chars text, const Predicate& predicate) {
  const bool first = predicate(text[0]);
  return run_end(text, 1, [&](const Char& c) { return predicate(c) == first; });
}

bool is_punctuation(const Char& c) {
  constexpr std::u32string_view kSymbols = U"$+<=>^~|";
  return c.kind == CharKind::kPunctuation || kSymbols.find(c.code_point) != kSymbols.npos;
}

}  // namespace

std::size_t split_gpt2(Chars text) {
  if (const std::size_t n = contraction(text, false)) return n;
  if (const std::size_t n = gpt2_run(text)) return n;
  return white_space(text, false);
}

std::size_t split_llama3(Chars text) { return split_words(text, 3, is_letter); }

std::size_t split_qwen2(Chars text) { return split_words(text, 1, is_letter); }

std::size_t split_qwen35(Chars text) {
  return split_words(text, 1,
                     [](const Char& c) { return is_letter(c) || c.kind == CharKind::kMark; });
}

std::size_t split_number(Chars text) {
  return is_number(text[0]) ? 1 : run_or_gap(text, is_number);
}

std::size_t split_numbers(Chars text) { return run_or_gap(text, is_number); }

std::size_t split_three_digits(Chars text) {
  std::size_t n_digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i].code_point;
    n_digits = c >= '0' && c <= '9' ? n_digits + 1 : 0;
    if (n_digits == 3) return i == 2 ? 3 : i - 2;
  }
  return text.size();
}

std::size_t split_punctuation(Chars text) { return run_or_gap(text, is_punctuation); }

std::size_t split_punctuation_tick(Chars text) {
  return run_or_gap(text, [](const Char& c) { return is_punctuation(c) || c.code_point == '`'; });
}

}  // namespace eddy
