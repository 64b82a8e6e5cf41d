// eddy tokenize: ids as the vocabulary of make_model has them (make_model/vocabulary.cpp). Token 0
// is <|endoftext|>, byte b is token 1 + b, the results of the merges follow from 257 on.
#include <gtest/gtest.h>

#include <algorithm>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

Outcome tokenize(Args more, std::string_view input = {}) {
  Args args = {"tokenize", model_path()};
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args, input);
}

std::string ids(Args more, std::string_view input = {}) {
  const Outcome outcome = tokenize(std::move(more), input);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

TEST(Tokenize, PrintsIds) {
  EXPECT_EQ(ids({"-p", "a"}), "98\n");
  EXPECT_EQ(ids({"-p", "the"}), "117 258\n");       // t, he
  EXPECT_EQ(ids({"-p", "a the"}), "98 262\n");      // a, the merged word with its space
  EXPECT_EQ(ids({"-p", "\xC3\xA9"}), "196 170\n");  // two bytes that nothing merges
  EXPECT_EQ(ids({"-p", ""}), "\n");
}

TEST(Tokenize, TakesStandardInputAsItIs) {
  EXPECT_EQ(ids({}, "the\n"), "117 258 11\n");
  EXPECT_EQ(ids({}, std::string_view("\0a", 2)), "1 98\n");
}

TEST(Tokenize, ShowsTheTextOfEachToken) {
  EXPECT_EQ(ids({"-p", "a the\"", "--text"}), "98\t\"a\"\n262\t\" the\"\n35\t\"\\\"\"\n");
  // A byte that is no text by itself is shown as the replacement character.
  EXPECT_EQ(ids({"-p", "\xC3", "--text"}), "196\t\"\xEF\xBF\xBD\"\n");
}

TEST(Tokenize, SpecialTokensComeFromTextOnlyIfAskedFor) {
  EXPECT_EQ(ids({"-p", "a<|endoftext|>a", "--special"}), "98 0 98\n");
  const std::string plain = ids({"-p", "a<|endoftext|>a"});
  EXPECT_EQ(plain.find(" 0 "), std::string::npos) << plain;
  EXPECT_EQ(ids({"--decode", "-p", plain}), "a<|endoftext|>a");
}

TEST(Tokenize, BeginsATextByTheHabitOfTheModel) {
  EXPECT_EQ(ids({"-p", "a", "--begin"}), "98\n");
  make_model::Plan plan = tiny_plan();
  const auto habit =
      std::ranges::find(plan.metadata, "tokenizer.ggml.add_bos_token", &make_model::Meta::key);
  habit->value = true;
  const std::string path = write_plan("begins.gguf", plan);
  EXPECT_EQ(run_eddy({"tokenize", path, "-p", "a", "--begin"}).out, "0 98\n");
  EXPECT_EQ(run_eddy({"tokenize", path, "-p", "a"}).out, "98\n");
}

TEST(Tokenize, DecodeIsTheInverseForAllBytes) {
  std::string bytes;
  for (int i = 0; i < 256 * 40; ++i) bytes += static_cast<char>(i * i / 256 + i);
  for (const std::string& text : {std::string("Once upon a time, the \xC3\xA9nd.\n"), bytes}) {
    EXPECT_EQ(ids({"--decode"}, ids({}, text)), text);
  }
}

TEST(Tokenize, DecodesIdsHoweverTheyAreSeparated) {
  EXPECT_EQ(ids({"--decode", "-p", "98,262\n98\t 98"}), "a theaa");
  EXPECT_EQ(ids({"--decode", "-p", "98 0 98"}), "aa");  // a special token has no text
  EXPECT_EQ(ids({"--decode", "-p", ""}), "");
}

TEST(Tokenize, RefusesIdsThatAreNone) {
  const Outcome outside = tokenize({"--decode", "-p", "98 288"});
  EXPECT_TRUE(is_one_error_line(outside, 2));
  EXPECT_NE(outside.err.find("288, expected 0 .. 287"), std::string::npos) << outside.err;
  for (const char* text : {"98 x", "-1", "98.5", "99999999999", "0x10"}) {
    EXPECT_TRUE(is_one_error_line(tokenize({"--decode", "-p", text}), 1)) << text;
  }
  EXPECT_TRUE(is_one_error_line(tokenize({"--decode", "--text", "-p", "98"}), 2));
}

}  // namespace
}  // namespace eddy::cli_test
