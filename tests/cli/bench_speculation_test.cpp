// eddy bench speculation: whatever the weights, the answer is the given one, and what repeats the
// prompt is guessed.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

const std::string kBefore =
    "It was a cold morning. Anna was in the hall. The lamp was in the kitchen.";
const std::string kAfter =
    "It was a warm morning. Anna was in the hall. The lamp was in the kitchen.";

Outcome compare(const std::string& answer, Args more = {}) {
  Args args = {"bench",
               "speculation",
               model_path(),
               write_file("before.txt", kBefore),
               write_file("after.txt", answer),
               "-r",
               "1",
               "--format",
               "json"};
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args);
}

TEST(BenchSpeculation, AnEditIsGuessed) {
  const Outcome outcome = compare(kAfter, {"--speculate", "0,8", "--ubatch", "4"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream in(outcome.out);
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(in, line);) rows.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["guessed"], 0);
  EXPECT_EQ(rows[0]["tokens_per_step"], 1);
  EXPECT_EQ(rows[1]["tokens"], rows[0]["tokens"]);
  EXPECT_GT(rows[1]["accepted"].get<int>(), 5);
}

TEST(BenchSpeculation, NoTextIsAnError) {
  const Outcome outcome = compare("");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("after.txt: no text"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace eddy::cli_test
