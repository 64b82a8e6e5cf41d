// eddy bench: the rows that were asked for, in each format. The figures are the machine's own; the
// tests look at what holds for all of them.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

using Row = std::vector<std::string>;

const Row kColumns = {
    "test",         "n_tokens",      "n_seqs",         "threads",         "isa",
    "tokens_per_s", "slowest",       "fastest",        "bandwidth_share", "compute_share",
    "limit_share",  "read_gb_per_s", "f32_gmac_per_s", "int8_gmac_per_s"};

std::string bench(Args more) {
  Args args = {"bench", model_path(), "-r", "2"};
  args.insert(args.end(), more.begin(), more.end());
  const Outcome outcome = run_eddy(args);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

Row split(const std::string& text, const std::string& separator) {
  Row parts;
  std::size_t first = 0, at = 0;
  while ((at = text.find(separator, first)) != std::string::npos) {
    parts.push_back(text.substr(first, at - first));
    first = at + separator.size();
  }
  parts.push_back(text.substr(first));
  return parts;
}

std::vector<Row> csv(const std::string& text) {
  std::vector<Row> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) rows.push_back(split(line, ","));
  return rows;
}

// The first three columns and the threads: what was measured.
std::vector<std::string> measured(const std::vector<Row>& rows) {
  std::vector<std::string> all;
  for (const Row& row : rows) {
    if (row.size() == kColumns.size()) {
      all.push_back(row[0] + " " + row[1] + " x " + row[2] + " on " + row[3]);
    }
  }
  return all;
}

void expect_sound(const Row& row) {
  ASSERT_EQ(row.size(), kColumns.size());
  const double median = std::stod(row[5]), slowest = std::stod(row[6]), fastest = std::stod(row[7]);
  EXPECT_GT(slowest, 0);
  EXPECT_LE(slowest, median);
  EXPECT_LE(median, fastest);
  for (std::size_t i = 8; i < row.size(); ++i) EXPECT_GE(std::stod(row[i]), 0);
  EXPECT_EQ(std::stod(row[10]), std::max(std::stod(row[8]), std::stod(row[9])));
}

TEST(Bench, CsvHasARowForEachPromptAndEachAnswer) {
  auto rows = csv(bench({"--format", "csv", "-p", "3,5", "-n", "2,4", "-b", "1,3", "-t", "1,2"}));
  ASSERT_EQ(rows.size(), 13U);
  EXPECT_EQ(rows[0], kColumns);
  rows.erase(rows.begin());
  for (const Row& row : rows) expect_sound(row);
  const std::vector<std::string> expected = {
      "prefill 3 x 1 on 1", "prefill 5 x 1 on 1", "decode 2 x 1 on 1",  "decode 4 x 1 on 1",
      "decode 2 x 3 on 1",  "decode 4 x 3 on 1",  "prefill 3 x 1 on 2", "prefill 5 x 1 on 2",
      "decode 2 x 1 on 2",  "decode 4 x 1 on 2",  "decode 2 x 3 on 2",  "decode 4 x 3 on 2"};
  EXPECT_EQ(measured(rows), expected);
}

TEST(Bench, NoneIsNone) {
  const Args common = {"--format", "csv", "-t", "1", "--isa", "plain"};
  const auto with = [&](const char* n_prompt, const char* n_answer) {
    Args args = common;
    args.insert(args.end(), {"-p", n_prompt, "-n", n_answer});
    return csv(bench(args));
  };
  const auto answers = with("0", "2");
  EXPECT_EQ(measured({answers.begin() + 1, answers.end()}), Row{"decode 2 x 1 on 1"});
  EXPECT_EQ(answers.at(1).at(4), "plain");
  const auto prompts = with("2", "0");
  EXPECT_EQ(measured({prompts.begin() + 1, prompts.end()}), Row{"prefill 2 x 1 on 1"});
}

TEST(Bench, MarkdownIsATable) {
  const Row lines = split(bench({"-p", "2", "-n", "2", "-t", "1"}), "\n");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[4], "");
  std::vector<Row> rows;
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(lines[i].starts_with("| ") && lines[i].ends_with(" |")) << lines[i];
    rows.push_back(split(lines[i].substr(2, lines[i].size() - 4), " | "));
  }
  EXPECT_EQ(rows[0], kColumns);
  EXPECT_EQ(rows[1], Row(kColumns.size(), "---"));
  for (std::size_t i = 2; i < 4; ++i) expect_sound(rows[i]);
  EXPECT_EQ(measured({rows[2], rows[3]}), (Row{"prefill 2 x 1 on 1", "decode 2 x 1 on 1"}));
}

TEST(Bench, JsonLinesHaveTheSameColumns) {
  const Row lines = split(bench({"--format", "json", "-p", "2", "-n", "3", "-t", "1"}), "\n");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2], "");
  for (std::size_t i = 0; i < 2; ++i) {
    const auto row = nlohmann::ordered_json::parse(lines[i]);
    Row columns;
    for (const auto& [name, value] : row.items()) columns.push_back(name);
    EXPECT_EQ(columns, kColumns);
    EXPECT_EQ(row["test"], i == 0 ? "prefill" : "decode");
    EXPECT_EQ(row["n_tokens"], i == 0 ? 2 : 3);
    EXPECT_EQ(row["n_seqs"], 1);
    EXPECT_EQ(row["threads"], 1);
    EXPECT_GT(row["tokens_per_s"].get<double>(), 0);
    for (const char* column : {"bandwidth_share", "compute_share", "read_gb_per_s"}) {
      EXPECT_GT(row[column].get<double>(), 0) << column;
    }
  }
}

TEST(Bench, DrawsWhatItMeasured) {
  const std::string svg = scratch_directory() + "/bench.svg";
  bench({"-p", "2", "-n", "2", "-b", "1,2", "-t", "1,2", "--svg", svg});
  const std::string text = read_file(svg);
  EXPECT_TRUE(text.starts_with("<svg "));
  EXPECT_TRUE(text.ends_with("</svg>\n"));
  for (const char* part : {"limit, -t 2", "decode, -t 1", "decode, -t 2", "prefill, -t 2"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(text.find("nan"), std::string::npos);
}

// What bench/peer/state.mjs looks for, besides all else.
TEST(Bench, StateMeasuresWhatStatesCost) {
  const Outcome outcome =
      run_eddy({"bench", "state", model_path(), "-p", "100", "--format", "json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Row lines = split(outcome.out, "\n");
  std::string tests;
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    const auto row = nlohmann::json::parse(line);
    EXPECT_GT(row["us"].get<double>(), 0) << line;
    tests += row["test"].get<std::string>() + "\n";
  }
  for (const char* test : {"fork, and end it", "rewind 1 ", "first token after 100 tokens",
                           "prefix hit: the same again", "its last 10 changed"}) {
    EXPECT_NE(tests.find(test), std::string::npos) << test << "\n" << tests;
  }
  EXPECT_EQ(run_eddy({"bench", "state", model_path(), "--sessions", "5"}).code, 2);
  EXPECT_EQ(run_eddy({"bench", "state"}).code, 2);
}

TEST(Bench, SessionsGoOnFromWhereTheyWait) {
  const std::string folder = scratch_directory() + "/bench parked";
  for (const Args& more : {Args{}, Args{"--park-folder", folder}}) {
    Args args = {"--sessions", "40", "--format", "csv"};
    args.insert(args.end(), more.begin(), more.end());
    const auto rows = csv(bench(args));
    ASSERT_EQ(rows.size(), 5u);
    EXPECT_EQ(rows[0],
              (Row{"test", "sessions", "mb", "p50_us", "p99_us", "gb_per_s", "p99_of_reading"}));
    EXPECT_EQ(rows[1][0], "read a file from the page cache");
    EXPECT_EQ(rows[2][0], "resume");
    EXPECT_EQ(rows[3][0], "park");
    for (std::size_t i = 1; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i][1], "40");
      EXPECT_GE(std::stod(rows[i][4]), std::stod(rows[i][3]));
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder + "/blobs"));
}

TEST(Bench, AChartThatCannotBeWrittenIsAnError) {
  const Outcome outcome = run_eddy({"bench", model_path(), "-p", "2", "-n", "0", "-r", "1", "-t",
                                    "1", "--svg", "absent/folder/chart.svg"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("absent/folder"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace eddy::cli_test
