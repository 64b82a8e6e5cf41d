// Engine::evaluate: it refuses, stops and fails without a trace. What it shows is tested beside the
// sessions.
#include <gtest/gtest.h>

#include "eddy/engine.h"
#include "engine/fakes.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using fakes::tokens_of;

const EngineOptions kEvaluateOptions = {.n_seq_max = 2, .n_batch = 8, .n_ubatch = 4};
const std::vector<Token> kTokens = tokens_of("more tokens than a batch takes");

ErrorCode code_of(const Status& status) {
  EXPECT_FALSE(status.ok());
  return status.ok() ? ErrorCode::kNotFound : status.error().code;
}

bool go_on(Pos, std::span<const float>) { return true; }

// All sequences and cells are free again, and the engine works.
void expect_no_trace(FakeEngine& fake) {
  EXPECT_EQ(fake.core->free_seqs.size(), kEvaluateOptions.n_seq_max);
  EXPECT_EQ(fake.core->memory->n_free_cells(), fake.core->memory->mem_size());
  EXPECT_TRUE(fake.core->memory->check().ok());
  EXPECT_TRUE(fake.engine->evaluate(kTokens, go_on).ok());
}

TEST(EngineEvaluate, ABadTokenIsRefusedBeforeAnythingIsComputed) {
  for (const std::int32_t id : {-1, fakes::kVocab}) {
    FakeEngine fake(kEvaluateOptions);
    std::vector<Token> tokens = kTokens;
    tokens.back() = Token(id);
    int n_shown = 0;
    const Status done = fake.engine->evaluate(tokens, [&](Pos, std::span<const float>) {
      ++n_shown;
      return true;
    });
    EXPECT_EQ(code_of(done), ErrorCode::kInvalidArgument);
    EXPECT_EQ(n_shown, 0);
    EXPECT_EQ(fake.script->n_forward, 0);
    expect_no_trace(fake);
  }
}

TEST(EngineEvaluate, StopsWhereverItIsTold) {
  for (std::size_t last = 0; last < kTokens.size(); ++last) {
    FakeEngine fake(kEvaluateOptions);
    std::vector<Pos> shown;
    const Status done = fake.engine->evaluate(kTokens, [&](Pos pos, std::span<const float>) {
      shown.push_back(pos);
      return pos < static_cast<Pos>(last);
    });
    EXPECT_EQ(code_of(done), ErrorCode::kCancelled);
    ASSERT_EQ(shown.size(), last + 1);
    EXPECT_EQ(shown.back(), static_cast<Pos>(last));
    EXPECT_EQ(fake.script->n_forward, static_cast<int>(last / 4) + 1);  // micro-batches of 4
    expect_no_trace(fake);
  }
}

TEST(EngineEvaluate, AFailureInAnyMicroBatchLeavesNoTrace) {
  for (int at = 0; at < 8; ++at) {
    FakeEngine fake(kEvaluateOptions);
    fake.script->fail_at = at;
    EXPECT_EQ(code_of(fake.engine->evaluate(kTokens, go_on)), ErrorCode::kIo) << at;
    expect_no_trace(fake);
  }
}

TEST(EngineEvaluate, NotFiniteLogitsEndIt) {
  FakeEngine fake(kEvaluateOptions);
  std::vector<Token> tokens = kTokens;
  tokens[5] = fakes::kPoison;
  int n_shown = 0;
  const Status done = fake.engine->evaluate(tokens, [&](Pos, std::span<const float> logits) {
    ++n_shown;
    EXPECT_EQ(std::ssize(logits), fakes::kVocab);
    return true;
  });
  EXPECT_EQ(code_of(done), ErrorCode::kNonFinite);
  EXPECT_EQ(n_shown, 5);
  expect_no_trace(fake);
}

TEST(EngineEvaluate, TakesASequenceOfItsOwn) {
  FakeEngine fake(kEvaluateOptions);
  {
    Session one = fake.session();
    ASSERT_TRUE(one.feed("a").ok());
    EXPECT_TRUE(fake.engine->evaluate(kTokens, go_on).ok());
    const Session two = fake.session();
    EXPECT_EQ(code_of(fake.engine->evaluate(kTokens, go_on)), ErrorCode::kFull);
    EXPECT_EQ(one.n_tokens(), 2);  // kBegin and the letter
  }
  expect_no_trace(fake);
}

TEST(EngineEvaluate, NoTokensAreNoWork) {
  FakeEngine fake(kEvaluateOptions);
  EXPECT_TRUE(fake.engine->evaluate({}, go_on).ok());
  EXPECT_EQ(fake.script->n_forward, 0);
}

}  // namespace
}  // namespace eddy
