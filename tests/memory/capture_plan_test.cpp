// Where states are captured: the bound on what is computed again, and the limit on how many there
// are.
#include "memory/capture_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace eddy::test {
namespace {

// What a request that parts after n_shared tokens computes again.
Pos n_replayed(const std::vector<Capture>& captures, Pos n_shared) {
  Pos start = 0;
  for (const Capture& capture : captures) {
    if (capture.n_tokens <= n_shared) start = std::max(start, capture.n_tokens);
  }
  return n_shared - start;
}

bool has(const CapturePlan& plan, Capture capture) {
  return std::find(plan.captures.begin(), plan.captures.end(), capture) != plan.captures.end();
}

TEST(CapturePlan, TheBoundIsSixtyFourTokensOrThreePercent) {
  EXPECT_EQ(replay_bound(0), 64);
  EXPECT_EQ(replay_bound(2133), 64);
  EXPECT_EQ(replay_bound(2200), 66);
  EXPECT_EQ(replay_bound(100000), 3000);
}

TEST(CapturePlan, TheLimitIsTheLogarithmAndTheTurns) {
  EXPECT_EQ(max_states_on_path(0, 0), 1u);
  EXPECT_EQ(max_states_on_path(90, 1), 1u);  // 2 log2(90 / 64) = 0.98
  EXPECT_EQ(max_states_on_path(91, 1), 2u);  // 1.02
  EXPECT_EQ(max_states_on_path(128, 5), 7u);
  EXPECT_EQ(max_states_on_path(1 << 20, 3), 31u);
  EXPECT_GT(max_states_on_path(Pos{1} << 62, 0), 40u);
  for (Pos n = 64; n < 200000; n = n * 17 / 16 + 1) {
    EXPECT_EQ(max_states_on_path(n, 1),
              1 + static_cast<std::size_t>(2 * std::log2(static_cast<double>(n) / 64)))
        << n;
  }
}

TEST(CapturePlan, AnEmptyPromptHasNoStates) {
  const CapturePlan plan = plan_captures({});
  EXPECT_TRUE(plan.captures.empty() && plan.drops.empty());
}

TEST(CapturePlan, EveryPromptKeepsItsEnd) {
  for (Pos n = 1; n < 1500; ++n) {
    EXPECT_TRUE(has(plan_captures({.n_tokens = n}), {n, CaptureKind::kPrompt})) << n;
    EXPECT_TRUE(has(plan_captures({.n_tokens = n, .n_start = n - 1}), {n, CaptureKind::kPrompt}));
  }
}

// From the end back as far as the ladder reaches, wherever the next request parts.
TEST(CapturePlan, PartingBelowTheEndIsCheap) {
  for (const Pos n : {65, 100, 129, 500, 1001, 4000, 8192, 32769, 100000}) {
    const CapturePlan plan = plan_captures({.n_tokens = n});
    Pos lowest = n;
    for (const Capture& capture : plan.captures) {
      if (capture.n_tokens > n / 2) lowest = std::min(lowest, capture.n_tokens);
    }
    for (Pos shared = lowest; shared <= n; ++shared) {
      ASSERT_LE(n_replayed(plan.captures, shared), replay_bound(shared)) << n << ": " << shared;
    }
    if (n >= 4000) {
      EXPECT_LE(lowest, n * 17 / 20) << n;  // an eighth of the prompt, and more of a longer one
    }
  }
}

// Of a prompt whose turns nobody has marked.
TEST(CapturePlan, AnEditInTheMiddleFindsAPartRestored) {
  for (const Pos n : {512, 1001, 4000, 32769, 100000}) {
    const CapturePlan plan = plan_captures({.n_tokens = n});
    for (Pos shared = 0; shared <= n; shared += 7) {
      ASSERT_LE(n_replayed(plan.captures, shared), std::max<Pos>(n * 7 / 20, 64)) << n;
      if (shared >= n / 4) {
        ASSERT_LT(n_replayed(plan.captures, shared), shared) << n;
      }
    }
  }
}

// 4 000 tokens whose last ten change: 50 times less to read, and to spare.
TEST(CapturePlan, ALateChangeComputesFewTokens) {
  const CapturePlan plan = plan_captures({.n_tokens = 4000});
  for (Pos shared = 3968; shared < 4000; ++shared) {
    EXPECT_LT(n_replayed(plan.captures, shared) + 4000 - shared, 4000 / 50);
  }
}

TEST(CapturePlan, TheSystemPromptHasALadderOfItsOwn) {
  const Pos turns[] = {6000};
  const CapturePlan plan = plan_captures({.n_tokens = 6300, .turns = turns});
  EXPECT_TRUE(has(plan, {6000, CaptureKind::kTurn}));
  for (Pos shared = 5400; shared <= 6300; ++shared) {
    ASSERT_LE(n_replayed(plan.captures, shared), replay_bound(shared)) << shared;
  }
}

TEST(CapturePlan, ThePartingOfTwoPromptsIsKept) {
  EXPECT_TRUE(has(plan_captures({.n_tokens = 5000, .n_parted = 1234}), {1234, CaptureKind::kFork}));
  // Not where it is close to where the prompt starts, nor where nothing parts.
  EXPECT_FALSE(has(plan_captures({.n_tokens = 5000, .n_parted = 20}), {20, CaptureKind::kFork}));
  for (const Capture& c : plan_captures({.n_tokens = 5000, .n_parted = 5000}).captures) {
    EXPECT_NE(c.kind, CaptureKind::kFork);
  }
  const KeptState kept[] = {{.id = EntryId(1), .n_tokens = 1220}};
  const CapturePlan plan =
      plan_captures({.n_tokens = 5000, .n_start = 1220, .n_parted = 1234, .kept = kept});
  EXPECT_FALSE(has(plan, {1234, CaptureKind::kFork}));
}

TEST(CapturePlan, TurnsAreKeptWhereTheyAreApart) {
  const Pos turns[] = {500, 900, 920, 1500};
  const CapturePlan plan = plan_captures({.n_tokens = 2000, .turns = turns});
  for (const Pos turn : {500, 920, 1500})
    EXPECT_TRUE(has(plan, {turn, CaptureKind::kTurn})) << turn;
}

TEST(CapturePlan, NothingIsCapturedBeforeTheStart) {
  const Pos turns[] = {100, 800};
  const KeptState kept[] = {{.id = EntryId(1), .n_tokens = 950}};
  const CapturePlan plan = plan_captures(
      {.n_tokens = 1000, .n_start = 950, .n_parted = 990, .turns = turns, .kept = kept});
  for (const Capture& capture : plan.captures) EXPECT_GT(capture.n_tokens, 950);
}

TEST(CapturePlan, AnExactRepeatCapturesNothing) {
  const KeptState kept[] = {{.id = EntryId(1), .n_tokens = 1000, .has_logits = true}};
  const CapturePlan plan =
      plan_captures({.n_tokens = 1000, .n_start = 1000, .n_parted = 1000, .kept = kept});
  EXPECT_TRUE(plan.captures.empty());
  // Without logits its end is computed again, and kept with them.
  const KeptState bare[] = {{.id = EntryId(1), .n_tokens = 1000}};
  const CapturePlan again = plan_captures({.n_tokens = 1000, .n_parted = 1000, .kept = bare});
  EXPECT_TRUE(has(again, {1000, CaptureKind::kPrompt}));
  EXPECT_TRUE(again.drops.empty());
}

TEST(CapturePlan, AnAnswerKeepsItsEndAndWhatCanBeRewound) {
  const CapturePlan plan = plan_captures({.n_tokens = 3000, .n_start = 2936, .is_answer = true});
  EXPECT_EQ(plan.captures.back(), (Capture{3000, CaptureKind::kAnswer}));
  EXPECT_EQ(plan.captures.front(), (Capture{2968, CaptureKind::kLadder}));
  EXPECT_EQ(plan.captures.size(), 2u);
}

TEST(CapturePlan, OldRungsMakeRoom) {
  const KeptState kept[] = {
      {.id = EntryId(1), .n_tokens = 70, .kind = CaptureKind::kLadder, .worth_per_token = 1},
      {.id = EntryId(2), .n_tokens = 100, .kind = CaptureKind::kTurn, .worth_per_token = 1},
      {.id = EntryId(3), .n_tokens = 128, .kind = CaptureKind::kAnswer, .worth_per_token = 1}};
  const CapturePlan plan =
      plan_captures({.n_tokens = 200, .n_start = 128, .n_parted = 128, .kept = kept});
  EXPECT_TRUE(has(plan, {200, CaptureKind::kPrompt}));
  ASSERT_FALSE(plan.drops.empty());
  EXPECT_EQ(plan.drops.front(), EntryId(1));
  EXPECT_EQ(std::count(plan.drops.begin(), plan.drops.end(), EntryId(3)), 0);  // it starts there
}

// Whatever is known of a path, what stays and what is added is within the limit.
TEST(CapturePlan, NeverMoreThanTheLimit) {
  std::mt19937_64 random(1);
  const auto below = [&](Pos n) {
    return static_cast<Pos>(random() % static_cast<std::uint64_t>(n));
  };
  for (int run = 0; run < 20000; ++run) {
    const Pos n = 1 + below(1 << (1 + below(17)));
    std::vector<Pos> turns;
    for (Pos at = below(300); at <= n && turns.size() < 40; at += 1 + below(800))
      turns.push_back(at);
    std::vector<KeptState> kept;
    const Pos n_known = below(n + 1);
    for (Pos at = 1 + below(100); at <= n_known; at += 1 + below(1 + n / 8)) {
      kept.push_back({.id = EntryId(static_cast<int>(kept.size())),
                      .n_tokens = at,
                      .kind = static_cast<CaptureKind>(below(kNCaptureKinds)),
                      .has_logits = below(2) == 0,
                      .worth_per_token = static_cast<double>(below(100))});
    }
    const Pos n_start =
        kept.empty()
            ? 0
            : kept[static_cast<std::size_t>(below(static_cast<Pos>(kept.size())))].n_tokens;
    const bool is_answer = below(4) == 0;
    const CapturePlan plan = plan_captures({.n_tokens = n,
                                            .n_start = n_start,
                                            .n_parted = n_known,
                                            .turns = turns,
                                            .kept = kept,
                                            .is_answer = is_answer});
    const std::size_t n_max = max_states_on_path(n, turns.size());
    std::size_t n_states = kept.size() + plan.captures.size() - plan.drops.size();
    for (const KeptState& state : kept) {
      for (const Capture& c : plan.captures) n_states -= c.n_tokens == state.n_tokens ? 1 : 0;
    }
    ASSERT_LE(n_states, std::max<std::size_t>(n_max, 1)) << run;
    Pos before = -1;
    for (const Capture& c : plan.captures) {
      ASSERT_GT(c.n_tokens, std::max(n_start, before)) << run;
      ASSERT_LE(c.n_tokens, n) << run;
      before = c.n_tokens;
    }
  }
}

}  // namespace
}  // namespace eddy::test
