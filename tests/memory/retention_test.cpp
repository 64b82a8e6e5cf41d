// What is worth keeping: the order that the policies must keep, whatever their constants.
#include "memory/retention.h"

#include <gtest/gtest.h>

#include <vector>

namespace eddy::test {
namespace {

RetentionFacts usual() {
  return {.rebuild_ms = 100, .n_bytes = 1000, .age = 5, .n_uses = 2, .kind = CaptureKind::kAnswer};
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

TEST(Retention, ChanceGrowsWithUsesAndFallsWithAge) {
  RetentionFacts facts = usual();
  for (int i = 0; i < 10; ++i) {
    RetentionFacts older = facts, more_used = facts;
    ++older.age;
    ++more_used.n_uses;
    EXPECT_LT(reuse_chance(older), reuse_chance(facts));
    EXPECT_GT(reuse_chance(more_used), reuse_chance(facts));
    facts = older;
  }
}

// A conversation that has moved on leaves a state behind that nobody may want again.
TEST(Retention, WhatAConversationHasPassedIsWorthLess) {
  RetentionFacts tip = usual();
  tip.n_uses = 0;
  RetentionFacts passed = tip;
  passed.n_uses = 1;
  passed.n_below = 1;
  EXPECT_LT(reuse_chance(passed), reuse_chance(tip));
  RetentionFacts shared = passed;  // others came back to it
  shared.n_uses = 5;
  EXPECT_GT(reuse_chance(shared), reuse_chance(tip));
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
