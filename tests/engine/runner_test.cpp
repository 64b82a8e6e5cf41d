#include "engine/runner.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/fakes.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using fakes::tokens_of;

const EngineOptions kRunnerOptions = {.n_seq_max = 4, .n_batch = 64, .n_ubatch = 8};

// The logits by (part, token) that a batch gave.
using Outcome = std::map<std::pair<int, std::int64_t>, std::vector<float>>;

Outcome run(Runner& runner, Batch batch) {
  Outcome outcome;
  const std::atomic<bool> cancel = false;
  const Status done = runner.run(batch, cancel, [&](const Output& output) {
    EXPECT_TRUE(output.is_finite);
    const auto [at, is_new] =
        outcome.insert({{output.part, output.token}, {output.logits.begin(), output.logits.end()}});
    EXPECT_TRUE(is_new);
  });
  EXPECT_TRUE(done.ok()) << done.error().message;
  return outcome;
}

Error run_error(Runner& runner, Batch batch, bool is_cancelled = false) {
  const std::atomic<bool> cancel = is_cancelled;
  const Status done = runner.run(batch, cancel, [](const Output&) {});
  EXPECT_FALSE(done.ok());
  return done.ok() ? Error{} : done.error();
}

TEST(Runner, GivesLogitsExactlyWhereTheyWereAskedFor) {
  FakeEngine fake(kRunnerOptions);
  Runner& runner = *fake.core->runner;
  std::mt19937 rng(1);
  std::vector<std::vector<Token>> fed(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<Token>> next(4);
    std::vector<BatchPart> batch;
    for (int seq = 0; seq < 4; ++seq) {
      auto& tokens = next[static_cast<std::size_t>(seq)];
      for (std::size_t n = rng() % 16; n > 0; --n)
        tokens.push_back(Token(static_cast<std::int32_t>(rng() % 200)));
      if (tokens.empty()) continue;
      batch.push_back({SeqId(seq), tokens, static_cast<Outputs>(rng() % 3)});
    }
    if (batch.empty()) continue;
    const std::int64_t n_before = fake.script->n_logits;
    const Outcome outcome = run(runner, batch);
    Outcome expected;
    for (int part = 0; part < static_cast<int>(batch.size()); ++part) {
      const BatchPart& p = batch[static_cast<std::size_t>(part)];
      auto& all = fed[static_cast<std::size_t>(p.seq.value)];
      for (std::size_t i = 0; i < p.tokens.size(); ++i) {
        all.push_back(p.tokens[i]);
        const bool is_last = i + 1 == p.tokens.size();
        if (p.outputs == Outputs::kNone || (p.outputs == Outputs::kLast && !is_last)) continue;
        expected[{part, static_cast<std::int64_t>(i)}] = fakes::logits_of(fakes::state_after(all));
      }
    }
    ASSERT_EQ(outcome, expected) << "round " << round;
    ASSERT_EQ(fake.script->n_logits - n_before, static_cast<std::int64_t>(expected.size()));
    ASSERT_TRUE(fake.core->memory->check().ok());
  }
}

TEST(Runner, CutsABatchIntoMicroBatches) {
  FakeEngine fake(kRunnerOptions);
  const auto tokens = tokens_of("twenty-one characters");
  const BatchPart part = {SeqId(0), tokens, Outputs::kNone};
  run(*fake.core->runner, {&part, 1});
  EXPECT_EQ(fake.script->n_forward, 3);
  EXPECT_EQ(fake.script->n_tokens, 21);
}

TEST(Runner, NotFiniteLogitsConcernTheirSequenceAlone) {
  FakeEngine fake(kRunnerOptions);
  const auto good = tokens_of("ab");
  const std::vector<Token> bad = {fakes::kPoison, Token(1)};
  const BatchPart batch[] = {{SeqId(0), good}, {SeqId(1), bad}, {SeqId(2), good}};
  std::vector<bool> finite;
  const std::atomic<bool> cancel = false;
  ASSERT_TRUE(
      fake.core->runner
          ->run(batch, cancel, [&](const Output& output) { finite.push_back(output.is_finite); })
          .ok());
  EXPECT_EQ(finite, (std::vector<bool>{true, false, true}));
}

TEST(Runner, RefusesWhatItCannotRun) {
  FakeEngine fake(kRunnerOptions);
  Runner& runner = *fake.core->runner;
  const std::vector<Token> outside = {Token(0), Token(fakes::kVocab)};
  const std::vector<Token> negative = {Token(-1)};
  const std::vector<Token> too_many(65, Token(0));
  for (const auto* tokens : {&outside, &negative, &too_many}) {
    const BatchPart part = {SeqId(0), *tokens};
    EXPECT_EQ(run_error(runner, {&part, 1}).code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(fake.script->n_forward, 0);
}

TEST(Runner, ACancelledBatchKeepsWhatItPublished) {
  FakeEngine fake(kRunnerOptions);
  const auto tokens = tokens_of("twenty-one characters");
  const BatchPart part = {SeqId(0), tokens};
  EXPECT_EQ(run_error(*fake.core->runner, {&part, 1}, true).code, ErrorCode::kCancelled);
  EXPECT_EQ(fake.script->n_forward, 0);
  EXPECT_EQ(*fake.core->memory->seq_pos_max(SeqId(0)), -1);

  std::atomic<bool> cancel = false;
  fake.script->before_forward = [&](int number) { cancel = number == 1; };
  EXPECT_FALSE(fake.core->runner->run({&part, 1}, cancel, [](const Output&) {}).ok());
  EXPECT_EQ(*fake.core->memory->seq_pos_max(SeqId(0)), 15);
}

}  // namespace
}  // namespace eddy
