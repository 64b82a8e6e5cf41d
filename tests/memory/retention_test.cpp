// What is worth keeping: the order that the policies must keep, whatever their constants.
#include "memory/retention.h"

#include <gtest/gtest.h>

#include <vector>

namespace eddy::test {
namespace {

RetentionFacts usual() {
  return {.rebuild_ms = 100, .n_bytes = 1000, .age = 5, .reuse_share = 0.4};
}

TEST(Retention, WorthIsTimeTimesChanceForEachByte) {
  const RetentionFacts facts = usual();
  EXPECT_DOUBLE_EQ(worth(facts), 0.1 * reuse_chance(facts));
  RetentionFacts dearer = facts;
  dearer.rebuild_ms *= 3;
  EXPECT_DOUBLE_EQ(worth(dearer), 3 * worth(facts));
  RetentionFacts bigger = facts;
  bigger.n_bytes *= 4;
  EXPECT_DOUBLE_EQ(worth(bigger), worth(facts) / 4);
}

TEST(Retention, ChanceGrowsWithTheShareThatIsReusedAndFallsWithAge) {
  RetentionFacts facts = usual();
  for (int i = 0; i < 5; ++i) {
    RetentionFacts older = facts, more_used = facts;
    ++older.age;
    more_used.reuse_share += 0.1;
    EXPECT_LT(reuse_chance(older), reuse_chance(facts));
    EXPECT_GT(reuse_chance(more_used), reuse_chance(facts));
    facts = more_used;
  }
}

// Of a hundred answers ninety were continued, and hardly one a second time.
TEST(Retention, SharesAreLearntForEachKindAndUse) {
  ReuseCounts counts;
  const double first_guess = counts.share(CaptureKind::kFork, 1);
  for (int i = 0; i < 100; ++i) {
    counts.add(CaptureKind::kAnswer, 0);
    counts.add(CaptureKind::kPrompt, 0);
  }
  for (int i = 0; i < 90; ++i) counts.add(CaptureKind::kAnswer, 1);
  counts.add(CaptureKind::kAnswer, 2);
  EXPECT_NEAR(counts.share(CaptureKind::kAnswer, 0), 0.9, 0.02);
  EXPECT_NEAR(counts.share(CaptureKind::kAnswer, 1), 1.0 / 90, 0.02);
  EXPECT_NEAR(counts.share(CaptureKind::kPrompt, 0), 0, 0.02);
  EXPECT_EQ(counts.share(CaptureKind::kFork, 1), first_guess);
}

TEST(Retention, SharesAreNeverCertain) {
  ReuseCounts counts;
  for (std::uint32_t n = 0; n < 100000; ++n) {
    counts.add(CaptureKind::kTurn, n);  // used again and again
    counts.add(CaptureKind::kStem, 0);  // never
  }
  for (const std::uint32_t n : {0u, 1u, 2u, 3u, 4u, ~0u}) {
    EXPECT_LT(counts.share(CaptureKind::kTurn, n), 1);
    EXPECT_GT(counts.share(CaptureKind::kTurn, n), 0);
  }
  EXPECT_GT(counts.share(CaptureKind::kStem, 0), 0);
}

TEST(Retention, NoBytesAreNoDivisionByZero) {
  RetentionFacts facts = usual();
  facts.n_bytes = 0;
  EXPECT_GT(worth(facts), 0);
  facts.rebuild_ms = 0;
  EXPECT_EQ(worth(facts), 0);
}

TEST(Retention, EachRuleHasItsVictim) {
  std::vector<RetentionFacts> states(3, usual());
  states[0].rebuild_ms = 1;  // worth little
  states[1].age = 50;        // old
  states[1].rebuild_ms = 1000000;
  states[2].age = 3;
  EXPECT_EQ(pick_victim(states, {.rule = RetentionRule::kWorth}), 0u);
  EXPECT_EQ(pick_victim(states, {.rule = RetentionRule::kLru}), 1u);
}

TEST(Retention, MarconiWeighsRecencyAndSavings) {
  std::vector<RetentionFacts> states(3, usual());
  states[0] = {.rebuild_ms = 100, .n_bytes = 1, .age = 9};  // old and dear
  states[1] = {.rebuild_ms = 1, .n_bytes = 1, .age = 0};    // young and cheap
  states[2] = {.rebuild_ms = 60, .n_bytes = 1, .age = 1};   // between
  EXPECT_EQ(pick_victim(states, {.rule = RetentionRule::kMarconi, .alpha = 0}), 0u);
  EXPECT_EQ(pick_victim(states, {.rule = RetentionRule::kMarconi, .alpha = 2}), 1u);
  states[1].n_below = 2;  // no candidate: others hang from it
  EXPECT_EQ(pick_victim(states, {.rule = RetentionRule::kMarconi, .alpha = 2}), 2u);
}

TEST(Retention, PinnedStatesAndNothingAreNoVictims) {
  EXPECT_EQ(pick_victim({}, {}), std::nullopt);
  std::vector<RetentionFacts> states(2, usual());
  states[0].is_pinned = true;
  EXPECT_EQ(pick_victim(states, {}), 1u);
  states[1].is_pinned = true;
  EXPECT_EQ(pick_victim(states, {}), std::nullopt);
}

TEST(Retention, OfEqualsTheFirst) {
  const std::vector<RetentionFacts> states(4, usual());
  for (const RetentionRule rule :
       {RetentionRule::kWorth, RetentionRule::kLru, RetentionRule::kMarconi}) {
    EXPECT_EQ(pick_victim(states, {.rule = rule}), 0u);
  }
}

}  // namespace
}  // namespace eddy::test
