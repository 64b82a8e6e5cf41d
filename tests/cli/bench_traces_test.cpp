// eddy bench traces: a row for each trace, budget and policy, in each format. What the figures say
// is tests/engine/trace_simulator_test.cpp's matter.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

std::vector<std::string> traces(Args more) {
  Args args = {"bench", "traces", "--budgets", "16", "--requests", "40"};
  args.insert(args.end(), more.begin(), more.end());
  const Outcome outcome = run_eddy(args);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  std::vector<std::string> lines;
  std::istringstream in(outcome.out);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(BenchTraces, JsonHasARowForEachTraceAndPolicy) {
  const auto lines = traces({"--format", "json"});
  ASSERT_EQ(lines.size(), 16u);
  const std::vector<std::string> traces = {"chat", "thinking", "agents", "tree"};
  const std::vector<std::string> policies = {"eddy", "lru", "marconi", "marconi-own"};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto row = nlohmann::json::parse(lines[i]);
    EXPECT_EQ(row["trace"], traces[i / 4]);
    EXPECT_EQ(row["policy"], policies[i % 4]);
    EXPECT_EQ(row["budget_mib"], "16");
    EXPECT_EQ(row["requests"], 40);
    EXPECT_GT(row["hit_rate"].get<double>(), 0);
    EXPECT_LT(row["hit_rate"].get<double>(), 1);
    EXPECT_GT(row["shared"].get<int>(), row["recomputed_shared"].get<int>());
  }
}

TEST(BenchTraces, TablesHaveTheSameRowsTwice) {
  const auto csv = traces({"--format", "csv", "--traces", "tree,chat"});
  ASSERT_EQ(csv.size(), 9u);
  EXPECT_TRUE(csv[0].starts_with("trace,budget_mib,policy,requests,"));
  EXPECT_TRUE(csv[1].starts_with("tree,16,eddy,40,")) << csv[1];
  EXPECT_EQ(csv, traces({"--format", "csv", "--traces", "tree,chat"}));
  EXPECT_NE(csv, traces({"--format", "csv", "--traces", "tree,chat", "--seed", "2"}));
  const auto md = traces({"--traces", "chat"});
  ASSERT_EQ(md.size(), 6u);
  EXPECT_TRUE(md[2].starts_with("| chat | 16 | eddy | 40 |")) << md[2];
}

}  // namespace
}  // namespace eddy::cli_test
