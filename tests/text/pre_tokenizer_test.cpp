// The hand-written rules against their patterns on random texts, and what the patterns are known
// for.
#include "text/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "slow_regex.h"

namespace eddy::test {
namespace {

const std::string kContraction = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const std::string kTail = R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string kHan =
    R"(\u{4E00}-\u{9FFF}\u{3400}-\u{4DBF}\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F})"
    R"(\u{2B820}-\u{2CEAF}\u{2CEB0}-\u{2EBEF}\u{F900}-\u{FAFF}\u{2F800}-\u{2FA1F})";

// LLAMA3, QWEN2 and QWEN35 differ in what a word and a number is.
std::string words(const std::string& word, const std::string& number) {
  return "(?:" + kContraction + R"()|[^\r\n\p{L}\p{N}]?[)" + word + "]+|" + number +
         R"(| ?[^\s\p{N})" + word + R"(]+[\r\n]*|)" + kTail;
}

struct Case {
  std::string_view name;
  std::vector<std::string> patterns;  // each cuts the pieces of the one before
};

std::vector<Case> cases() {
  const std::string punctuation = R"([\p{P}\$\+<=>\^~\|]+)";
  return {
      {"gpt-2", {kGpt2}},
      {"llama-bpe", {words(R"(\p{L})", R"(\p{N}{1,3})")}},
      {"qwen2", {words(R"(\p{L})", R"(\p{N})")}},
      {"qwen35", {words(R"(\p{L}\p{M})", R"(\p{N})")}},
      {"starcoder", {R"(\p{N})", kGpt2}},
      {"falcon", {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"}},
      {"default", {punctuation, kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
      {"tekken",
       {R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|)"
        R"([^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|)"
        R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" +
        kTail}},
      {"kimi-k2",
       {"[" + kHan + R"(]+|[^\r\n\p{L}\p{N}]?((?![)" + kHan + R"(])\p{L})+(?:)" + kContraction +
        R"()?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" + kTail}},
  };
}

// Characters that make the alternatives fight.
const std::u32string kAlphabets[] = {
    U"aBsStTrReEvVmMlLdD''' ",
    U"abcABC \t\r\n.,!/$`~",
    U" \n\r\t\u00A0\u0085\u3000\u2028a1.",
    U"0123456789\u0663\u00BD\u2167a. ",
    U"aZ\u00E9\u0301\u0E33\u4E2D\u3042\U0001F389\u2014\u0378\u200B\uE000'sx1 \n",
    U"\u4E2D\u56FD\u3400\uFAFF\u2EB0\U00020000\U0002A6DE\uFA6Ea's1\u3002 ",
    U"aAzZ\u00C9\u00E9\u01C5/.\n ",
};

std::u32string random_letters(std::mt19937& random, std::size_t alphabet) {
  std::u32string text(random() % 16, U' ');
  for (char32_t& c : text) {
    if (alphabet < std::size(kAlphabets)) {
      c = kAlphabets[alphabet][random() % kAlphabets[alphabet].size()];
    } else {
      do c = static_cast<char32_t>(random() % (random() % 2 ? 0x110000 : 0x3100));
      while (c >= 0xD800 && c <= 0xDFFF);
    }
  }
  return text;
}

std::vector<std::string> expected_pieces(const std::vector<SlowRegex>& passes,
                                         const std::u32string& text) {
  std::vector<std::u32string> pieces = {text};
  if (text.empty()) pieces.clear();
  for (const SlowRegex& pass : passes) {
    std::vector<std::u32string> cut;
    for (const std::u32string& piece : pieces) {
      for (std::u32string& part : pass.split(piece)) cut.push_back(std::move(part));
    }
    pieces = std::move(cut);
  }
  std::vector<std::string> out;
  for (const std::u32string& piece : pieces) out.push_back(utf8(piece));
  return out;
}

std::vector<std::string> pieces_of(std::string_view text, std::string_view name) {
  const PreTokenizer* found = find_pre_tokenizer(name);
  EXPECT_TRUE(found) << name;
  if (!found) return {};
  const auto pieces = split_text(text, *found);
  return {pieces.begin(), pieces.end()};
}

TEST(PreTokenizer, CutsAsItsPatternsDo) {
  for (const Case& rule : cases()) {
    std::vector<SlowRegex> passes;
    for (const std::string& pattern : rule.patterns) passes.emplace_back(pattern);
    for (std::size_t alphabet = 0; alphabet <= std::size(kAlphabets); ++alphabet) {
      std::mt19937 random(static_cast<std::uint32_t>(alphabet));
      for (int i = 0; i < 500; ++i) {
        const std::u32string text = random_letters(random, alphabet);
        ASSERT_EQ(pieces_of(utf8(text), rule.name), expected_pieces(passes, text))
            << rule.name << ": \"" << utf8(text) << "\"";
      }
    }
  }
}

using Pieces = std::vector<std::string>;

TEST(PreTokenizer, KnowsTheFamilies) {
  const std::string text = "It's  12345 a\n\nB";
  EXPECT_EQ(pieces_of(text, "olmo"), (Pieces{"It", "'s", " ", " 12345", " a", "\n", "\n", "B"}));
  EXPECT_EQ(pieces_of(text, "falcon-h1"),
            (Pieces{"It", "'s", " ", " ", "123", "45", " a", "\n\n", "B"}));
  EXPECT_EQ(pieces_of(text, "qwen35"),
            (Pieces{"It", "'s", " ", " ", "1", "2", "3", "4", "5", " a", "\n\n", "B"}));
  EXPECT_EQ(pieces_of(text, "refact"),
            (Pieces{"It", "'s", "  ", "1", "2", "3", "4", "5", " a", "\n", "\n", "B"}))
      << "digits first, so that the spaces before them end a text of their own";
  EXPECT_EQ(pieces_of("a$1234`b", "falcon"), (Pieces{"a", "$", "123", "4", "`", "b"}));
  EXPECT_EQ(pieces_of("HelloWorld it's", "tekken"), (Pieces{"Hello", "World", " it", "'s"}));
  EXPECT_EQ(pieces_of("it's", "kimi-k2"), (Pieces{"it's"}));
}

TEST(PreTokenizer, TakesAnIllFormedByteAsASymbol) {
  for (const PreTokenizer& rule : pre_tokenizers()) {
    EXPECT_EQ(pieces_of("a\xFF"
                        "1",
                        rule.name),
              (Pieces{"a", "\xFF", "1"}))
        << rule.name;
    EXPECT_EQ(pieces_of("\xE4\xB8", rule.name), (Pieces{"\xE4\xB8"})) << rule.name;
  }
}

TEST(PreTokenizer, KnowsEachNameOnce) {
  std::set<std::string_view> names;
  for (const PreTokenizer& rule : pre_tokenizers()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_EQ(find_pre_tokenizer(rule.name), &rule);
    EXPECT_FALSE(rule.rules.empty());
  }
  EXPECT_EQ(find_pre_tokenizer("llama"), nullptr);
  EXPECT_EQ(find_pre_tokenizer(""), nullptr);
}

TEST(PreTokenizer, KnowsTheHabitsOfTheLlama3Family) {
  for (const std::string_view name : {"llama-bpe", "falcon-h1", "lfm2", "pixtral", "tekken"}) {
    EXPECT_TRUE(find_pre_tokenizer(name)->add_bos) << name;
    EXPECT_TRUE(find_pre_tokenizer(name)->ignore_merges) << name;
  }
  for (const std::string_view name : {"dbrx", "olmo", "qwen2", "falcon", "default"}) {
    EXPECT_FALSE(find_pre_tokenizer(name)->add_bos) << name;
    EXPECT_FALSE(find_pre_tokenizer(name)->ignore_merges) << name;
  }
}

}  // namespace
}  // namespace eddy::test
