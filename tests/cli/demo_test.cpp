// eddy run --demo: the worked example that lies beside a model.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace eddy::cli_test {
namespace {

using nlohmann::json;

const std::string kTale = "Anna was in the hall. The lamp was there too.\n";

json demo() {
  return {{"tale", kTale},
          {"questions", {{{"question", "Where is the lamp?"}}, {{"question", "Who is there?"}}}},
          {"forks",
           {{{"told", "Anna took the lamp.\n"}, {"question", "Who has the lamp?"}},
            {{"told", "Ben took the lamp.\n"}, {"question", "Who has the lamp?"}}}}};
}

// The model under a name of its own, with this example beside it.
std::string model_with(const std::string& name, std::string_view example) {
  const std::string path = scratch_directory() + "/" + name + ".gguf";
  std::filesystem::copy_file(model_path(), path, std::filesystem::copy_options::overwrite_existing);
  write_file(name + "_demo.json", example);
  return path;
}

// What the model answers to the whole text at once.
std::string answer_to(const std::string& text) {
  const Outcome outcome = run_eddy({"run", model_path(), "-p", text, "-n", "64", "--stop", "\n"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

std::string asked(const std::string& told, const std::string& question) {
  const std::string head = told.empty() ? "" : "fork: " + told;
  return head + "> " + question + "\n" + answer_to(kTale + told + question) + "\n";
}

TEST(Demo, EachQuestionIsAnsweredAsIfItAloneWereAsked) {
  const Outcome outcome = run_eddy({"run", model_with("told", demo().dump()), "--demo"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  const std::string questions = asked("", "Where is the lamp?") + asked("", "Who is there?");
  const std::string forks = asked("Anna took the lamp.\n", "Who has the lamp?") +
                            asked("Ben took the lamp.\n", "Who has the lamp?");
  EXPECT_NE(outcome.out.find("tokens):\n\n" + kTale + "\n"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("\n\n" + questions + "\n"), std::string::npos) << outcome.out;
  EXPECT_TRUE(outcome.out.ends_with("\n\n" + forks)) << outcome.out;
}

TEST(Demo, CountsTheTokensOfTheTale) {
  const std::string ids = run_eddy({"tokenize", model_path(), "--begin"}, kTale).out;
  const auto n = 1 + std::count(ids.begin(), ids.end(), ' ');
  const Outcome outcome = run_eddy({"run", model_with("counted", demo().dump()), "--demo"});
  EXPECT_TRUE(outcome.out.starts_with("A tale is read once (" + std::to_string(n) + " tokens):"))
      << outcome.out;
}

TEST(Demo, AModelWithoutOneIsAnError) {
  const Outcome outcome = run_eddy({"run", model_path(), "--demo"});
  EXPECT_TRUE(is_one_error_line(outcome, 1));
  EXPECT_NE(outcome.err.find("tiny_demo.json"), std::string::npos) << outcome.err;
}

TEST(Demo, AMalformedOneIsOneErrorLineThatNamesIt) {
  std::vector<std::string> wrong = {"",
                                    "tale",
                                    "[]",
                                    "null",
                                    "{}",
                                    demo().dump() + "}",
                                    "{\"tale\": \"\xFF\", \"questions\": [], \"forks\": []}",
                                    std::string(100000, '[')};
  for (const char* key : {"tale", "questions", "forks"}) {
    json absent = demo(), number = demo(), object = demo(), rows = demo();
    absent.erase(key);
    number[key] = 7;
    object[key] = json::object();
    rows[key] = {"text", 7, nullptr};
    for (const json& example : {absent, number, object, rows}) wrong.push_back(example.dump());
  }
  for (const auto& [list, key] : {std::pair("questions", "question"), std::pair("forks", "told"),
                                  std::pair("forks", "question")}) {
    json absent = demo(), number = demo();
    absent[list][1].erase(key);
    number[list][1][key] = 7;
    for (const json& example : {absent, number}) wrong.push_back(example.dump());
  }
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const Outcome outcome = run_eddy({"run", model_with("wrong", wrong[i]), "--demo"});
    EXPECT_TRUE(is_one_error_line(outcome, 1)) << "case " << i;
    EXPECT_NE(outcome.err.find("wrong_demo.json"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace eddy::cli_test
