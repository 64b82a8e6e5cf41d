// eddy bench codecs: a row for each codec. Sizes and speeds are the machine's and the model's own;
// the tests look at what holds for all of them.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

std::string text_file() {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "It was a cold morning, number " + std::to_string(i) + ". ";
  return write_file("codecs.txt", text);
}

std::map<std::string, nlohmann::json> rows_of(const Args& more) {
  Args args = {"bench", "codecs", model_path(), text_file(), "--format", "json"};
  args.insert(args.end(), more.begin(), more.end());
  const Outcome outcome = run_eddy(args);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  std::map<std::string, nlohmann::json> rows;
  std::istringstream in(outcome.out);
  for (std::string line; std::getline(in, line);) {
    const auto row = nlohmann::json::parse(line);
    rows[row["codec"]] = row;
  }
  return rows;
}

TEST(BenchCodecs, WhatIsExactChangesNothingAndWhatIsSmallerChangesMore) {
  auto rows = rows_of({"-p", "32", "-n", "8"});
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& [codec, row] : rows) {
    EXPECT_GT(row["states"].get<int>(), 1) << codec;
    EXPECT_EQ(row["tokens"].get<int>(), 8 * row["states"].get<int>()) << codec;
    EXPECT_GT(row["perplexity"].get<double>(), 1) << codec;
  }
  for (const char* exact : {"none", "zstd"}) {
    EXPECT_EQ(rows[exact]["worst_probability"].get<double>(), 0) << exact;
    EXPECT_EQ(rows[exact]["perplexity_change"].get<double>(), 0) << exact;
    EXPECT_EQ(rows[exact]["other_best"].get<int>(), 0) << exact;
  }
  const auto number = [&](const char* codec, const char* column) {
    return rows[codec][column].get<double>();
  };
  EXPECT_EQ(number("none", "ratio"), 1);
  EXPECT_GT(number("int16", "ratio"), number("zstd", "ratio"));
  EXPECT_GT(number("int8", "ratio"), number("int16", "ratio"));
  EXPECT_GT(number("int16", "worst_probability"), 0);
  EXPECT_GT(number("int8", "worst_probability"), number("int16", "worst_probability"));
}

TEST(BenchCodecs, StatesThatAreNoF32AreNotRounded) {
  for (const auto& [codec, row] : rows_of({"-p", "32", "-n", "8", "--type-r", "bf16"})) {
    EXPECT_EQ(row["worst_probability"].get<double>(), 0) << codec;
  }
}

TEST(BenchCodecs, ATextThatIsTooShortIsAnError) {
  EXPECT_TRUE(is_one_error_line(
      run_eddy({"bench", "codecs", model_path(), text_file(), "-p", "100000"}), 1));
}

}  // namespace
}  // namespace eddy::cli_test
