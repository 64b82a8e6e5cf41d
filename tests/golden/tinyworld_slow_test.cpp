// The bundled model: what it says, how much of what it was told it remembers, and that forks which
// are told different things answer differently.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eddy/engine.h"

namespace eddy {
namespace {

using Json = nlohmann::json;

const GenerateParams kOneLine = {.max_tokens = 32, .stop = {"\n"}};

std::string data_path(const std::string& name) { return EDDY_SOURCE_DIR "/data/" + name; }

Json read_json(const std::string& name) {
  std::ifstream in(data_path(name));
  return Json::parse(in);
}

class Tinyworld : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = Engine::open(data_path("tinyworld.gguf"));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    engine_.emplace(std::move(*opened));
  }

  Session session() {
    auto made = engine_->new_session();
    EXPECT_TRUE(made.ok()) << made.error().message;
    return std::move(*made);
  }

  static std::string answer(Session& session, const std::string& prompt) {
    EXPECT_TRUE(session.feed(prompt).ok());
    const auto done = session.generate(kOneLine);
    EXPECT_TRUE(done.ok()) << done.error().message;
    const std::size_t first = done->text.find_first_not_of(' ');
    return first == std::string::npos ? "" : done->text.substr(first);
  }

  std::optional<Engine> engine_;
};

// The expected tokens are those of another implementation in another language, in F32
// (tools/train/evaluate.py).
TEST_F(Tinyworld, SaysWhatTheReferenceSays) {
  for (const Json& golden : read_json("tinyworld_golden.json")) {
    Session s = session();
    ASSERT_TRUE(s.feed(golden["prompt"].get<std::string>()).ok());
    const auto wanted = golden["continuation_ids"].get<std::vector<std::int32_t>>();
    const auto n_prompt = golden["prompt_ids"].size();
    const auto done = s.generate({.max_tokens = static_cast<std::int64_t>(wanted.size())});
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(done->text, golden["continuation"].get<std::string>());
    ASSERT_EQ(s.tokens().size(), n_prompt + wanted.size());
    for (std::size_t i = 0; i < n_prompt; ++i) {
      ASSERT_EQ(s.tokens()[i].value, golden["prompt_ids"][i].get<std::int32_t>());
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      ASSERT_EQ(s.tokens()[n_prompt + i].value, wanted[i]) << i;
    }
  }
}

TEST_F(Tinyworld, AnswersHeldOutQuestions) {
  std::ifstream lines(data_path("tinyworld_questions.jsonl"));
  int n_near = 0, n_near_right = 0, n_far = 0, n_far_right = 0;
  Session s = session();
  for (std::string line; std::getline(lines, line);) {
    const Json item = Json::parse(line);
    ASSERT_TRUE(s.reset().ok());
    const bool right = answer(s, item["prompt"]) == item["answer"].get<std::string>();
    const bool near = item["distance"].get<int>() <= 200;
    (near ? n_near : n_far) += 1;
    (near ? n_near_right : n_far_right) += right;
  }
  EXPECT_EQ(n_near + n_far, 560);
  EXPECT_GE(n_far, 50);
  EXPECT_GE(100 * n_near_right, 95 * n_near) << n_near_right << " of " << n_near;
  EXPECT_GE(100 * n_far_right, 80 * n_far) << n_far_right << " of " << n_far;
  std::printf("up to 200 tokens: %d of %d right; about 1000 tokens: %d of %d right\n", n_near_right,
              n_near, n_far_right, n_far);
}

TEST_F(Tinyworld, ForksThatAreToldDifferentThingsAnswerDifferentlyAndRightly) {
  const Json demo = read_json("tinyworld_demo.json");
  Session s = session();
  ASSERT_TRUE(s.feed(demo["tale"].get<std::string>()).ok());
  for (const Json& row : demo["questions"]) {
    auto fork = s.fork();
    ASSERT_TRUE(fork.ok());
    EXPECT_EQ(answer(*fork, row["question"]), row["answer"].get<std::string>());
  }
  std::vector<Session> forks;  // all alive at the same time
  for (const Json& row : demo["forks"]) {
    auto fork = s.fork();
    ASSERT_TRUE(fork.ok());
    ASSERT_TRUE(fork->feed(row["told"].get<std::string>()).ok());
    forks.push_back(std::move(*fork));
  }
  for (std::size_t i = 0; i < forks.size(); ++i) {
    const Json& row = demo["forks"][i];
    EXPECT_EQ(answer(forks[i], row["question"]), row["answer"].get<std::string>());
  }
}

}  // namespace
}  // namespace eddy
