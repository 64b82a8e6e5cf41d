// eddy batch: what it prints for a list of prompts is what eddy run prints for each.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

using nlohmann::json;

const std::vector<std::string> kPrompts = {"once upon a time", "x", "a \"quoted\" one", "x",
                                           "the last of them, which is the longest"};

Outcome batch(Args more, std::string_view input) {
  Args args = {"batch", model_path(), "-n", "12", "--temp", "1", "--seed", "3"};
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args, input);
}

std::vector<json> lines_of(const std::string& out) {
  std::vector<json> lines;
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = out.find('\n', at);
    lines.push_back(json::parse(out.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

std::string text_of_prompts() {
  std::string all;
  for (const std::string& prompt : kPrompts) all += prompt + "\n";
  return all;
}

// As JSON, with what is not text made so in the same way on both sides.
json said(const std::string& text) {
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

TEST(Batch, AnswersAreThoseOfRun) {
  const Outcome outcome = batch({"--parallel", "3"}, text_of_prompts());
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const std::vector<json> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), kPrompts.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Outcome alone = run_eddy(
        {"run", model_path(), "-n", "12", "--temp", "1", "--seed", "3", "-p", kPrompts[i]});
    EXPECT_EQ(lines[i]["text"], said(alone.out)) << i;
    EXPECT_EQ(lines[i].size(), 3U);
  }
  for (const Args& how :
       {Args{"--parallel", "1"}, Args{"--parallel", "16", "-t", "1"}, Args{"--speculate", "4"},
        Args{"--draft", model_path(), "--parallel", "3"}, Args{"--batch", "2", "--ubatch", "1"}}) {
    EXPECT_EQ(batch(how, text_of_prompts()).out, outcome.out) << how[0];
  }
}

TEST(Batch, WhatAnObjectHasBesidesIsPrintedAgain) {
  const Outcome outcome = batch({"--json"}, "{\"prompt\": \"x\", \"id\": [7]}\n{\"prompt\":\"y\"}");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<json> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["id"], json({7}));
  EXPECT_FALSE(lines[0].contains("prompt"));
  EXPECT_FALSE(lines[1].contains("id"));
}

TEST(Batch, AnEmptyPromptIsAnErrorOfItsOwn) {
  const Outcome outcome = batch({}, "x\n\ny\n");
  EXPECT_EQ(outcome.code, 1);
  const std::vector<json> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].contains("text"));
  EXPECT_TRUE(lines[1].contains("error"));
  EXPECT_TRUE(lines[2].contains("text"));
}

TEST(Batch, NoPromptIsNoAnswer) {
  const Outcome outcome = batch({}, "");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(Batch, LinesThatAreNoObjectsAreNamed) {
  for (const char* line : {"text", "{\"prompt\": 7}", "[1]", "{}", ""}) {
    const Outcome outcome = batch({"--json"}, std::string("{\"prompt\":\"x\"}\n") + line + "\n");
    EXPECT_TRUE(is_one_error_line(outcome, 1)) << line << outcome.err;
    EXPECT_NE(outcome.err.find("line 2"), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(is_one_error_line(batch({"/nowhere/prompts"}, ""), 1));
}

}  // namespace
}  // namespace eddy::cli_test
