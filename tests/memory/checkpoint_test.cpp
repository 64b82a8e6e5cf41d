// Checkpoints, and which go when room is needed.
#include "memory/checkpoint.h"

#include "memory/eviction.h"
#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

class CheckpointTest : public MemoryFixture {
 protected:
  Checkpoint pin(int seq, double worth) {
    auto made = memory->checkpoint(SeqId(seq), worth);
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }
  // A checkpoint of these tokens that no sequence shares; uses sequence 0.
  Checkpoint pin_tokens(const std::vector<Token>& all, double worth) {
    EXPECT_TRUE(memory->seq_rm(SeqId(0), -1, -1).ok());
    EXPECT_TRUE(extend(0, all).ok());
    Checkpoint made = pin(0, worth);
    EXPECT_TRUE(memory->seq_rm(SeqId(0), -1, -1).ok());
    return made;
  }
};

TEST_F(CheckpointTest, KeepsTheStateWhateverTheSequenceDoes) {
  make(3, 2);
  ASSERT_OK(extend(0, tokens({1, 2})));
  const Checkpoint kept = pin(0, 1);
  EXPECT_EQ(kept.pos(), 1);
  ASSERT_OK(extend(0, tokens({3})));  // pinned: copied, not updated in place
  expect_tokens(0, tokens({1, 2, 3}));
  ASSERT_OK(memory->start(SeqId(1), kept));
  expect_tokens(1, tokens({1, 2}));
  ASSERT_OK(extend(1, tokens({4})));
  expect_tokens(1, tokens({1, 2, 4}));
  expect_tokens(0, tokens({1, 2, 3}));
  EXPECT_TRUE(kept.is_kept());
}

TEST_F(CheckpointTest, GivesItsCellBack) {
  make(2, 2);
  ASSERT_OK(extend(0, tokens({1})));
  {
    Checkpoint first = pin(0, 1);
    Checkpoint second = pin(0, 2);  // of the same cell
    ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
    EXPECT_EQ(memory->n_free_cells(), 1u);
    Checkpoint moved = std::move(first);
    EXPECT_FALSE(first.is_kept());  // NOLINT: moved from
    EXPECT_TRUE(moved.is_kept());
    second = std::move(moved);
    EXPECT_TRUE(second.is_kept());
  }
  EXPECT_EQ(memory->n_free_cells(), 2u);
}

TEST_F(CheckpointTest, ChecksItsArguments) {
  make(2, 2);
  EXPECT_CODE(memory->checkpoint(SeqId(0), 1), kNotFound);
  EXPECT_CODE(memory->checkpoint(SeqId(5), 1), kInvalidArgument);
  ASSERT_OK(extend(0, tokens({1})));
  EXPECT_CODE(memory->checkpoint(SeqId(0), std::numeric_limits<double>::quiet_NaN()),
              kInvalidArgument);
  Checkpoint kept = pin(0, 1);
  EXPECT_CODE(memory->set_worth(kept, std::numeric_limits<double>::quiet_NaN()), kInvalidArgument);
  EXPECT_CODE(memory->start(SeqId(-1), kept), kInvalidArgument);
  const auto other = RecurrentMemory::create(params(1, 1));
  ASSERT_TRUE(other.ok());
  EXPECT_CODE((*other)->start(SeqId(0), kept), kInvalidArgument);
}

TEST_F(CheckpointTest, TheLeastWorthIsEvictedFirst) {
  make(3, 2);
  Checkpoint a = pin_tokens(tokens({1}), 5), b = pin_tokens(tokens({2}), 1),
             c = pin_tokens(tokens({3}), 3);
  ASSERT_OK(extend(0, tokens({9})));
  EXPECT_TRUE(a.is_kept() && !b.is_kept() && c.is_kept());
  ASSERT_OK(memory->set_worth(a, 2));
  ASSERT_OK(extend(1, tokens({8})));
  EXPECT_TRUE(!a.is_kept() && c.is_kept());
  EXPECT_CODE(memory->start(SeqId(0), a), kOutOfWindow);
  EXPECT_CODE(memory->set_worth(b, 1), kOutOfWindow);
  expect_tokens(0, tokens({9}));
}

TEST_F(CheckpointTest, ItsStateIsThatOfASequence) {
  make(3, 2);
  ASSERT_OK(extend(0, tokens({1, 2})));
  const auto expected = memory->state_write(SeqId(0));
  Checkpoint kept = pin(0, 1), gone = pin_tokens(tokens({7}), 0);
  const auto found = memory->state_write(kept);
  ASSERT_TRUE(expected.ok() && found.ok());
  EXPECT_EQ(*found, *expected);
  const auto t = tokens({9});
  ASSERT_OK(extend({{SeqId(0), t}, {SeqId(1), t}}));
  EXPECT_CODE(memory->state_write(gone), kOutOfWindow);
}

// The owner of checkpoints may keep what has to go.
TEST_F(CheckpointTest, AnEvictedOneIsShown) {
  make(2, 2);
  Checkpoint kept = pin_tokens(tokens({1, 2}), 2), gone = pin_tokens(tokens({3, 4, 5}), 1);
  const auto expected = memory->state_write(gone);
  ASSERT_TRUE(expected.ok());
  std::vector<std::byte> shown;
  memory->on_evict([&](const EvictedCheckpoint& evicted) {
    EXPECT_TRUE(shown.empty()) << "twice";
    EXPECT_EQ(evicted.cell, gone.cell());
    EXPECT_EQ(evicted.pos, 2);
    EXPECT_FALSE(gone.is_kept());
    shown.assign(evicted.state.begin(), evicted.state.end());
  });
  ASSERT_OK(extend(0, tokens({9})));
  EXPECT_TRUE(kept.is_kept());
  ASSERT_EQ(shown.size(), expected->size());
  ASSERT_OK(memory->state_read(shown, SeqId(0), Checksums::kIgnore));
  expect_tokens(0, tokens({3, 4, 5}));
  memory->on_evict([](const EvictedCheckpoint&) { ADD_FAILURE() << "cleared, not evicted"; });
  ASSERT_OK(memory->clear(true));
  memory->on_evict({});
}

TEST_F(CheckpointTest, OfEqualWorthTheOldest) {
  make(2, 2);
  Checkpoint a = pin_tokens(tokens({1}), 1), b = pin_tokens(tokens({2}), 1);
  ASSERT_OK(memory->start(SeqId(1), a));  // used: now b is the older
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  ASSERT_OK(extend(0, tokens({9})));
  EXPECT_TRUE(a.is_kept());
  EXPECT_FALSE(b.is_kept());
}

TEST_F(CheckpointTest, NoMoreThanNeededIsEvictedAndNothingIfItDoesNotHelp) {
  make(3, 4);
  Checkpoint a = pin_tokens(tokens({1}), 1), b = pin_tokens(tokens({2}), 2);
  ASSERT_OK(extend(0, tokens({5})));
  const auto t = tokens({7});
  EXPECT_CODE(extend({{SeqId(1), t}, {SeqId(2), t}, {SeqId(3), t}}), kFull);
  EXPECT_TRUE(a.is_kept() && b.is_kept());
  ASSERT_OK(extend({{SeqId(0), t}, {SeqId(1), t}}));
  EXPECT_TRUE(!a.is_kept() && b.is_kept());
}

TEST_F(CheckpointTest, WhatABatchStartsFromIsNotTakenFromIt) {
  make(2, 2);
  Checkpoint cheap = pin_tokens(tokens({1}), 1), dear = pin_tokens(tokens({2}), 2);
  ASSERT_OK(memory->start(SeqId(0), cheap));
  ASSERT_OK(extend(0, tokens({5})));
  // Unpinning the cheap one makes its cell private to the sequence: that is all it takes.
  expect_tokens(0, tokens({1, 5}));
  EXPECT_TRUE(!cheap.is_kept() && dear.is_kept());
}

TEST_F(CheckpointTest, ALiveSequenceGoesBeforeItsOwnCheckpoint) {
  make(1, 1);
  ASSERT_OK(extend(0, tokens({1})));
  Checkpoint own = pin(0, 100);
  ASSERT_OK(extend(0, tokens({2})));
  expect_tokens(0, tokens({1, 2}));
  EXPECT_FALSE(own.is_kept());
}

// Both that share its cell leave it, whether it is pinned or not.
TEST_F(CheckpointTest, UnpinningThatSavesNothingIsNotDone) {
  make(3, 3);
  const Checkpoint dear = pin_tokens(tokens({9}), 5);
  ASSERT_OK(extend(1, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(1), SeqId(2), -1, -1));
  const Checkpoint own = pin(1, 0);
  const auto t = tokens({3});
  ASSERT_OK(extend({{SeqId(1), t}, {SeqId(2), t}}));
  EXPECT_TRUE(own.is_kept());
  EXPECT_FALSE(dear.is_kept());
}

TEST_F(CheckpointTest, AUselessCheckpointIsNotEvictedOnTheWayToAUsefulOne) {
  make(2, 2);
  const Checkpoint dear = pin_tokens(tokens({9}), 5);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const Checkpoint cheap = pin(0, 0);  // 1 needs its cell in any case
  ASSERT_OK(extend(0, tokens({2})));
  EXPECT_TRUE(cheap.is_kept());
  EXPECT_FALSE(dear.is_kept());
}

TEST_F(CheckpointTest, AnEvictedHandleKnowsItEvenWhenItsCellIsPinnedAgain) {
  make(1, 1);
  Checkpoint next = pin_tokens(tokens({9}), 1);
  {
    const Checkpoint old = std::move(next);
    ASSERT_OK(extend(0, tokens({1})));
    next = pin(0, 1);  // the same cell
    EXPECT_FALSE(old.is_kept());
    EXPECT_CODE(memory->start(SeqId(0), old), kOutOfWindow);
  }
  EXPECT_TRUE(next.is_kept());  // the old handle's end has not unpinned it
}

TEST_F(CheckpointTest, PrepareCountsWhatCanBeEvictedAndEvictsNothing) {
  make(1, 1);
  Checkpoint a = pin_tokens(tokens({1}), 1);
  const auto t = tokens({1});
  const std::vector<UBatchPart> parts = {{.seq = SeqId(0), .n_tokens = 1}};
  EXPECT_OK(memory->prepare(std::vector{UBatch{.tokens = t, .parts = parts, .outputs = {}}}));
  EXPECT_TRUE(a.is_kept());
}

TEST_F(CheckpointTest, StateReadEvictsToo) {
  make(2, 2);
  ASSERT_OK(extend(0, tokens({7})));
  const auto saved = memory->state_write(SeqId(0));
  ASSERT_TRUE(saved.ok());
  Checkpoint a = pin_tokens(tokens({1}), 1), b = pin_tokens(tokens({2}), 2);
  ASSERT_OK(memory->state_read(*saved, SeqId(1)));
  EXPECT_TRUE(!a.is_kept() && b.is_kept());
  expect_tokens(1, tokens({7}));
}

// --- The order ----------------------------------------------------------------------------------

TEST(Eviction, OrdersByKindWorthAgeAndCell) {
  const Victim ordered[] = {
      {CellId(9), false, -1, 9}, {CellId(8), false, 0, 3}, {CellId(2), false, 0, 4},
      {CellId(5), false, 0, 4},  {CellId(1), false, 7, 0}, {CellId(4), true, 9, 1},
      {CellId(3), true, 0, 2},
  };
  for (std::size_t i = 0; i < std::size(ordered); ++i) {
    for (std::size_t j = 0; j < std::size(ordered); ++j) {
      EXPECT_EQ(is_evicted_before(ordered[i], ordered[j]), i < j) << i << " " << j;
    }
  }
}

}  // namespace
}  // namespace eddy::test
