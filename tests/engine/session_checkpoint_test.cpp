// Checkpoints of sessions: to go back to them, as often as one likes, is to never have gone on.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/support/fails_with.h"
#include "eddy/engine.h"
#include "engine/fakes.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using Tokens = std::vector<Token>;

const Tokens kLongPrompt = made_up(40, 1);
const GenerateParams kShortAnswer = {.max_tokens = 8};

class SessionCheckpoints : public testing::Test {
 protected:
  // Neither cache nor log helps: what comes back is the checkpoint's.
  Engine open(std::uint32_t mem_size) const {
    auto engine = Engine::open(file_.path(), {.n_threads = 1,
                                              .n_seq_max = 2,
                                              .mem_size = mem_size,
                                              .n_rewind = 0,
                                              .prefix_cache_bytes = 0});
    EXPECT_TRUE(test::succeeds(engine));
    return std::move(*engine);
  }
  static Session session(Engine& engine) { return std::move(*engine.new_session()); }

  ModelFile file_;
};

TEST_F(SessionCheckpoints, LeadToTheSameAnswerAgainAndAgain) {
  Engine engine = open(4);
  Session one = session(engine), other = session(engine);
  ASSERT_TRUE(test::succeeds(one.feed(kLongPrompt)));
  const auto before = one.checkpoint();
  ASSERT_TRUE(test::succeeds(before));
  EXPECT_TRUE(std::ranges::equal(before->tokens(), kLongPrompt));
  ASSERT_TRUE(one.generate(kShortAnswer).ok());
  const auto expected = one.save();
  for (Session* again : {&one, &other, &one}) {
    ASSERT_TRUE(test::succeeds(again->restore(*before)));
    EXPECT_TRUE(std::ranges::equal(again->tokens(), kLongPrompt));
    ASSERT_TRUE(again->generate(kShortAnswer).ok());
    EXPECT_EQ(*again->save(), *expected);
  }
}

// One cell more than what is at work, and a hundred states.
TEST_F(SessionCheckpoints, NeedNoCells) {
  Engine engine = open(2), plain = open(1);
  Session one = session(engine);
  std::vector<SessionCheckpoint> kept;
  std::vector<std::vector<std::byte>> expected;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(test::succeeds(one.feed(made_up(3, static_cast<std::uint64_t>(i)))));
    kept.push_back(std::move(*one.checkpoint()));
    expected.push_back(std::move(*one.save()));
  }
  Session alone = session(plain);
  for (int i = 99; i >= 0; i -= 7) {
    ASSERT_TRUE(test::succeeds(one.restore(kept[static_cast<std::size_t>(i)])));
    EXPECT_EQ(one.place().n_tokens, one.n_tokens() - 1) << "nothing is computed again";
    EXPECT_EQ(*one.save(), expected[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(alone.reset().ok() && alone.feed(one.tokens()).ok());
    ASSERT_TRUE(alone.generate(kShortAnswer).ok() && one.generate(kShortAnswer).ok());
    EXPECT_EQ(*one.save(), *alone.save()) << i;
  }
}

// What is held by hand and what the cache keeps have one budget, and the cache gives way.
TEST_F(SessionCheckpoints, TakeTheirBytesFromThePrefixCache) {
  const EngineInfo shape = open(1).info();
  const std::uint64_t n_budget = 40 * (shape.n_r_bytes + shape.n_s_bytes);
  auto opened = Engine::open(file_.path(), {.n_threads = 1,
                                            .n_seq_max = 1,
                                            .mem_size = 1,
                                            .n_rewind = 0,
                                            .prefix_cache_bytes = n_budget,
                                            .prefix_cache_cells = 0});
  ASSERT_TRUE(test::succeeds(opened));
  Session one = session(*opened);
  const auto read = [&](std::uint64_t seed) {
    ASSERT_TRUE(one.reset().ok());
    ASSERT_TRUE(test::succeeds(one.feed(made_up(70, seed))));
  };
  for (std::uint64_t i = 0; i < 60; ++i) read(i);
  const std::uint64_t n_before = opened->cache_stats().n_bytes;
  EXPECT_GT(n_before, n_budget / 2);
  EXPECT_LE(n_before, n_budget);
  std::vector<SessionCheckpoint> kept;
  constexpr std::uint64_t kEmptyTree = 4096;  // at most
  for (std::uint64_t i = 0; i < 60; ++i) {
    read(1000 + i);
    kept.push_back(std::move(*one.checkpoint()));
    const std::uint64_t n_pinned = opened->memory_map().n_pinned_bytes;
    EXPECT_EQ(n_pinned > 0, i > 0);
    const std::uint64_t n_left = n_budget - std::min(n_budget, n_pinned);
    EXPECT_LE(opened->cache_stats().n_bytes, std::max(n_left, kEmptyTree)) << i;
  }
  EXPECT_EQ(opened->cache_stats().n_states, 0u);
  kept.clear();
  EXPECT_EQ(opened->memory_map().n_pinned_bytes, 0u);
  for (std::uint64_t i = 0; i < 60; ++i) read(i);
  EXPECT_GT(opened->cache_stats().n_bytes, n_budget / 2);
}

TEST_F(SessionCheckpoints, OfOneStateShareACell) {
  Engine engine = open(3);
  std::optional<Session> one = session(engine);
  ASSERT_TRUE(test::succeeds(one->feed(kLongPrompt)));
  std::vector<SessionCheckpoint> kept;
  for (int i = 0; i < 10; ++i) kept.push_back(std::move(*one->checkpoint()));
  EXPECT_EQ(engine.memory_map().n_stored, 0u);
  ASSERT_TRUE(test::succeeds(one->feed(kLongPrompt)));
  EXPECT_EQ(engine.memory_map().n_stored, 1u);
  one.reset();
  EXPECT_EQ(engine.memory_map().n_held, 0u);
  EXPECT_EQ(engine.memory_map().n_stored, 1u);
  kept.erase(kept.begin() + 1, kept.end());
  EXPECT_EQ(engine.memory_map().n_stored, 1u);
  kept.clear();
  EXPECT_EQ(engine.memory_map().n_stored, 0u);
}

// What was computed when the session was cancelled is kept, and no more.
TEST_F(SessionCheckpoints, OfWhatIsHalfReadAreHalfRead) {
  FakeEngine fake({.n_seq_max = 1, .n_batch = 8, .n_ubatch = 4});
  Session one = fake.session();
  fake.script->before_forward = [&](int number) {
    if (number == 1) one.cancel();
  };
  EXPECT_TRUE(test::fails_with(one.feed(kLongPrompt), ErrorCode::kCancelled));
  const auto half = one.checkpoint();
  ASSERT_TRUE(test::succeeds(half));
  ASSERT_TRUE(one.reset().ok());
  ASSERT_TRUE(test::succeeds(one.restore(*half)));
  EXPECT_EQ(one.n_tokens(), 40);
  EXPECT_EQ(one.place().n_tokens, 8);
  const std::int64_t n_before = fake.script->n_tokens;
  ASSERT_TRUE(one.generate({.max_tokens = 1}).ok());
  EXPECT_EQ(fake.script->n_tokens, n_before + 32);
}

TEST_F(SessionCheckpoints, OfAnEmptySessionAreEmpty) {
  Engine engine = open(2);
  Session one = session(engine);
  const auto empty = one.checkpoint();
  ASSERT_TRUE(test::succeeds(one.feed(kLongPrompt)));
  ASSERT_TRUE(test::succeeds(one.restore(*empty)));
  EXPECT_EQ(one.n_tokens(), 0);
  EXPECT_EQ(one.place().kind, StatePlace::Kind::kNone);
  EXPECT_EQ(engine.memory_map().n_held, 0u);
}

// A state that cannot be written where its cell is needed is read again.
TEST_F(SessionCheckpoints, OfALostStateReadTheTextAgain) {
  FakeEngine fake({.n_seq_max = 1, .mem_size = 1, .n_rewind = 0, .prefix_cache_bytes = 0});
  Session one = fake.session();
  const Tokens sick = {Token(1), fakes::kPoison, Token(2)};
  ASSERT_TRUE(one.feed(sick).ok());
  const auto kept = one.checkpoint();
  ASSERT_TRUE(test::succeeds(kept));
  ASSERT_TRUE(one.reset().ok());
  ASSERT_TRUE(test::succeeds(one.feed(kLongPrompt)));  // takes the cell
  ASSERT_TRUE(test::succeeds(one.restore(*kept)));
  EXPECT_TRUE(std::ranges::equal(one.tokens(), sick));
  EXPECT_EQ(one.place().kind, StatePlace::Kind::kNone);
  EXPECT_TRUE(test::fails_with(one.generate(kShortAnswer), ErrorCode::kNonFinite));

  // Another state in that cell is not taken for it.
  ASSERT_TRUE(one.reset().ok() && one.feed(kLongPrompt).ok());
  const auto healthy = one.checkpoint();
  ASSERT_TRUE(test::succeeds(healthy));
  ASSERT_TRUE(one.reset().ok());
  ASSERT_TRUE(test::succeeds(one.restore(*healthy)));
  EXPECT_EQ(one.place().n_tokens, 39);
  ASSERT_TRUE(test::succeeds(one.restore(*kept)));
  EXPECT_EQ(one.place().kind, StatePlace::Kind::kNone);
}

TEST_F(SessionCheckpoints, AreOfTheirEngineAndSessionsLikeTheirs) {
  Engine engine = open(2), another = open(2);
  Session one = session(engine), stranger = session(another);
  Session tenant = std::move(*engine.new_session({.salt = "tenant"}));
  ASSERT_TRUE(test::succeeds(one.feed(kLongPrompt)));
  const auto kept = one.checkpoint();
  EXPECT_TRUE(test::fails_with(stranger.restore(*kept), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(test::fails_with(tenant.restore(*kept), ErrorCode::kMismatch, {"salt"}));
  EXPECT_EQ(tenant.n_tokens(), 0);
}

TEST_F(SessionCheckpoints, AreRefusedInsideACallback) {
  Engine engine = open(2);
  Session one = session(engine);
  ASSERT_TRUE(test::succeeds(one.feed(kLongPrompt)));
  const auto kept = one.checkpoint();
  const auto look = [&](Pos, std::span<const float>) {
    EXPECT_TRUE(test::fails_with(one.checkpoint(), ErrorCode::kInvalidArgument));
    EXPECT_TRUE(test::fails_with(one.restore(*kept), ErrorCode::kInvalidArgument));
    return true;
  };
  EXPECT_TRUE(test::succeeds(engine.evaluate(made_up(3, 2), look)));
}

TEST_F(SessionCheckpoints, OutliveTheirSessionAndItsEngine) {
  std::optional<SessionCheckpoint> kept;
  {
    Engine engine = open(2);
    Session one = session(engine);
    ASSERT_TRUE(test::succeeds(one.feed(kLongPrompt)));
    kept = std::move(*one.checkpoint());
  }
  const SessionCheckpoint copy = *kept;
  kept.reset();
  EXPECT_TRUE(std::ranges::equal(copy.tokens(), kLongPrompt));
}

}  // namespace
}  // namespace eddy
