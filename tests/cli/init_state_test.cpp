// --init-state: a text that begins from a tuned state, in every command that has it.
#include <gtest/gtest.h>

#include "cli/program.h"
#include "eddy/engine.h"
#include "make_model/architectures.h"
#include "models/support/time_states.h"

namespace eddy::cli_test {
namespace {

using test::TimeStates;

const std::string& rwkv_path() {
  static const std::string path =
      write_plan("rwkv7.gguf", *make_model::find_architecture("rwkv7")->plan("tiny", DType::kF32));
  return path;
}

std::string state_path(std::uint32_t seed) {
  return write_file("state " + std::to_string(seed) + ".safetensors",
                    TimeStates::random(2, 4, 16, seed).safetensors());
}

Outcome run_from(const std::string& state, Args more = {}) {
  Args args = {"run", rwkv_path(), "-n", "12", "-p", "once upon a time"};
  if (!state.empty()) args.insert(args.end(), {"--init-state", state});
  args.insert(args.end(), more.begin(), more.end());
  return run_eddy(args);
}

TEST(InitState, TheAnswerIsThatOfTheEngine) {
  const Outcome outcome = run_from(state_path(1));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out, run_from("").out);
  EXPECT_NE(outcome.out, run_from(state_path(2)).out);
  auto engine = Engine::open(rwkv_path());
  ASSERT_TRUE(engine.ok());
  auto init_state = engine->read_init_state(state_path(1));
  ASSERT_TRUE(init_state.ok());
  auto session = engine->new_session({.init_state = *init_state, .salt = {}});
  ASSERT_TRUE(session.ok() && session->feed("once upon a time").ok());
  const auto answer = session->generate({.max_tokens = 12});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(outcome.out, answer->text);
}

TEST(InitState, LogitsAndPerplexityBeginThereToo) {
  const std::string ids = write_file("begun ids.txt", "1 2 3 4 5");
  const std::string text = write_file("begun.txt", "a few words of text");
  const auto both = [](Args args) {
    const Outcome without = run_eddy(args);
    args.insert(args.end(), {"--init-state", state_path(1)});
    const Outcome begun = run_eddy(args);
    EXPECT_EQ(begun.code, 0) << begun.err;
    EXPECT_NE(begun.out, without.out);
    EXPECT_EQ(begun.out.size() > 0, without.out.size() > 0);
  };
  both({"logits", rwkv_path(), "--tokens", ids, "--out", "-"});
  both({"perplexity", rwkv_path(), text, "--json"});
}

TEST(InitState, AConversationGoesOnWithItsOwnAlone) {
  const Args keep = {"--store", scratch_directory() + "/store begun", "--session", "s"};
  ASSERT_EQ(run_from(state_path(1), keep).code, 0);
  for (const std::string& other : {std::string(), state_path(2)}) {
    const Outcome refused = run_from(other, keep);
    EXPECT_TRUE(is_one_error_line(refused, 1));
    EXPECT_NE(refused.err.find("initial state"), std::string::npos) << refused.err;
  }
  EXPECT_EQ(run_from(state_path(1), keep).code, 0);
  const Outcome shown = run_eddy({"state", "show", "s", "--store", keep[1]});
  EXPECT_NE(shown.out.find("began   "), std::string::npos) << shown.out;
  EXPECT_EQ(run_eddy({"state", "verify", "--store", keep[1]}).code, 0);
}

TEST(InitState, WhatDoesNotFitIsOneErrorLine) {
  EXPECT_TRUE(is_one_error_line(run_from(scratch_directory() + "/none"), 1));
  EXPECT_TRUE(is_one_error_line(run_from(write_file("text.pth", "PK\3\4")), 1));
  const Outcome mamba = run_eddy({"run", model_path(), "-p", "x", "--init-state", state_path(1)});
  EXPECT_TRUE(is_one_error_line(mamba, 1));
  EXPECT_NE(mamba.err.find("mamba"), std::string::npos);
  EXPECT_EQ(run_eddy({"run", model_path(), "--demo", "--init-state", state_path(1)}).code, 2);
}

}  // namespace
}  // namespace eddy::cli_test
