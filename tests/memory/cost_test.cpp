// What the memory costs: rows touched, allocations, and what happens when one of them fails.
// No times: counts.
#include <limits>

#include "base/little_endian.h"
#include "support/allocation_hook.h"
#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

class CostTest : public MemoryFixture {
 protected:
  // Buffer calls made by the memory itself (not by kernels) during `f`.
  template <class F>
  int touched(const F& f) {
    device.type.counts = {};
    f();
    return device.type.counts.n_touched();
  }
};

// D1: rows touched = sequences in the batch, wherever their cells lie: the memory moves none.
TEST_F(CostTest, DecodeTouchesNoRowButThroughItsLanes) {
  make(256, 256);
  const auto t = tokens({1});
  for (int i = 0; i < 256; ++i) ASSERT_OK(extend(i, t));
  for (int i = 1; i < 255; ++i) ASSERT_OK(memory->seq_rm(SeqId(i), -1, -1));
  const std::vector<BatchPart> batch = {{SeqId(255), t}, {SeqId(0), t}};
  EXPECT_EQ(touched([&] {
              auto context = memory->init_batch(batch, 2);
              ASSERT_TRUE(context.ok() && context->apply().ok());
              EXPECT_EQ(context->n_rs(), 2u);
              EXPECT_EQ(context->lanes().size(), 2u);
              context->next();
            }),
            0);
}

TEST_F(CostTest, ForkStartAndQueriesTouchNoRow) {
  make(4, 4);
  ASSERT_OK(extend(0, tokens({1})));
  EXPECT_EQ(touched([&] {
              ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
              const auto kept = memory->checkpoint(SeqId(1), 1);
              ASSERT_TRUE(kept.ok());
              ASSERT_OK(memory->start(SeqId(2), *kept));
              EXPECT_TRUE(memory->seq_pos_max(SeqId(2)).ok());
            }),
            0);
}

TEST_F(CostTest, RemovingTheLastHolderWipesOneCell) {
  make(4, 4);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  EXPECT_EQ(touched([&] { (void)memory->seq_rm(SeqId(0), -1, -1).ok(); }), 0);
  EXPECT_EQ(touched([&] { (void)memory->seq_rm(SeqId(1), -1, -1).ok(); }), 2 * int{kLayers});
}

// D4: no allocation after create(), whatever a batch does.
TEST_F(CostTest, NoAllocationPerTokenOrMicroBatch) {
  make(12, 6);
  const auto a = some_tokens(5), b = some_tokens(9), c = some_tokens(1);
  const std::vector<BatchPart> batch = {{SeqId(5), a, Outputs::kAll}, {SeqId(1), b}, {SeqId(3), c}};
  ASSERT_OK(extend(batch, 4));
  auto kept = memory->checkpoint(SeqId(5), 1);
  ASSERT_TRUE(kept.ok());
  const std::int64_t before = n_allocations();
  for (int round = 0; round < 3; ++round) {
    auto context = memory->init_batch(batch, 4);
    do {
      (void)context->apply().ok();
      (void)context->get_r_l(LayerId(0));
    } while (context->next());
  }
  (void)memory->seq_cp(SeqId(5), SeqId(0), -1, -1).ok();
  (void)memory->start(SeqId(2), *kept).ok();
  (void)memory->seq_rm(SeqId(0), -1, -1).ok();
  (void)memory->seq_keep(SeqId(2)).ok();
  EXPECT_EQ(n_allocations(), before);
}

TEST_F(CostTest, NoAllocationWhenCheckpointsAreEvicted) {
  make(6, 6);
  std::vector<Checkpoint> kept;
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(extend(0, tokens({i})));
    kept.push_back(std::move(*memory->checkpoint(SeqId(0), 5 - i)));
    ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  }
  const auto t = tokens({1});
  const std::vector<BatchPart> batch = {{SeqId(0), t}, {SeqId(1), t}, {SeqId(2), t}};
  const std::int64_t before = n_allocations();
  {
    auto context = memory->init_batch(batch, 2);
    EXPECT_TRUE(context.ok());
  }
  EXPECT_EQ(n_allocations(), before);
  EXPECT_FALSE(kept[4].is_kept());
  EXPECT_FALSE(kept[3].is_kept());
  EXPECT_TRUE(kept[2].is_kept());
}

// D10: whichever allocation fails, an error comes or nothing is noticed, and nothing has changed.
class AllocationFailureTest : public CostTest {
 protected:
  // Calls f with allocation 0, 1, 2, ... failing until f needs no more of them.
  template <class F, class Check>
  int fail_each(const F& f, const Check& unchanged) {
    for (int n = 0;; ++n) {
      fail_allocation(n);
      bool ok = false;
      try {
        ok = f();
      } catch (const std::bad_alloc&) {  // of an error's message
      }
      const bool has_failed = allocation_has_failed();
      fail_allocation(-1);
      if (!has_failed) {
        EXPECT_TRUE(ok);
        return n;
      }
      EXPECT_FALSE(ok) << "allocation " << n;
      unchanged();
    }
  }
};

TEST_F(AllocationFailureTest, Create) {
  const auto p = params(4, 4);
  const int n = fail_each(
      [&] {
        auto copy = RecurrentMemory::create(p);
        return copy.ok();
      },
      [] {});
  EXPECT_GT(n, 10);
}

TEST_F(AllocationFailureTest, WriteAndReadOfStates) {
  make(4, 4);
  ASSERT_OK(extend(0, tokens({1, 2})));
  ASSERT_OK(extend(1, tokens({3})));
  const auto all = *memory->state_write(std::nullopt);
  const auto one = *memory->state_write(SeqId(0));
  const auto unchanged = [&] {
    EXPECT_EQ(*memory->state_write(std::nullopt), all);
    expect_sound();
  };
  EXPECT_GT(fail_each([&] { return memory->state_write(std::nullopt).ok(); }, unchanged), 2);
  EXPECT_GT(fail_each([&] { return memory->state_write(SeqId(1)).ok(); }, unchanged), 0);
  EXPECT_EQ(fail_each([&] { return memory->state_read(one, SeqId(0)).ok(); }, unchanged), 0);
  EXPECT_GT(fail_each([&] { return memory->state_read(all, std::nullopt).ok(); }, unchanged), 0);
}

TEST_F(AllocationFailureTest, ParkingLeavesTheSequenceWhereItIs) {
  make(1, 2);
  ASSERT_OK(extend(0, tokens({1, 2})));
  bool accepts = true;
  memory->on_park([&](const ParkRequest&) { return accepts; });
  const auto t = tokens({1});
  const std::vector<BatchPart> batch = {{SeqId(1), t}};
  const int n = fail_each([&] { return memory->init_batch(batch, 1).ok(); },
                          [&] {
                            expect_tokens(0, tokens({1, 2}));
                          });
  EXPECT_GT(n, 1);
  EXPECT_TRUE(memory->is_parked(SeqId(0)));
}

// A3, P2: a count that is not in the input is not allocated for.
TEST_F(CostTest, ForgedCountsAllocateNothing) {
  make(2, 2);
  ASSERT_OK(extend(0, tokens({1})));
  auto forged = *memory->state_write(std::nullopt);
  for (const std::uint32_t count : {2u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
    for (const std::size_t at :
         {kHeaderBytes + kSectionHeadBytes, kHeaderBytes + kSectionHeadBytes + 4}) {
      auto bytes = forged;
      store_le(bytes.data() + at, count);
      const std::int64_t before = n_allocations();
      EXPECT_FALSE(memory->state_read(bytes, std::nullopt, Checksums::kIgnore).ok());
      EXPECT_LT(n_allocations() - before, 8);  // of the message
    }
  }
}

}  // namespace
}  // namespace eddy::test
