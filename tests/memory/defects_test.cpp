// The known defects of recurrent memories elsewhere, one test for each: none of them is ours.
//
// A: process death. B: one sequence's state reaches another. C: silent wrong results. D: blow-ups
// of memory and time. E: serialised states. docs/decisions/0012-recurrent-memory-defects.md tells
// what each one is and which rule keeps it out; tests/mutants puts each into our code and demands
// that a test fails.
#include <algorithm>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

#include "base/little_endian.h"
#include "support/allocation_hook.h"
#include "support/memory_fixture.h"
#include "support/state_bytes.h"

namespace eddy::test {
namespace {

using Bytes = std::vector<std::byte>;

class DefectTest : public MemoryFixture {
 protected:
  static constexpr int kBadIds[] = {
      -1, -2, 4, 1 << 20, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()};

  // Sequences 0 and 1 live, 2 a fork of 0, 3 empty; two cells free.
  void SetUp() override {
    make(4, 4);
    ASSERT_OK(extend(0, tokens({1, 2, 3})));
    ASSERT_OK(extend(1, tokens({7, 8})));
    ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(2), -1, -1));
  }
  void expect_as_set_up() {
    expect_tokens(0, tokens({1, 2, 3}));
    expect_tokens(1, tokens({7, 8}));
    expect_tokens(2, tokens({1, 2, 3}));
    EXPECT_EQ(pos(3), -1);
    EXPECT_EQ(memory->n_free_cells(), 2u);
    expect_sound();
  }
  Bytes write(std::optional<SeqId> seq) { return *memory->state_write(seq); }

  // Extends a sequence and has the computation fail after its kernels ran.
  void fail_at(int seq) {
    const auto t = tokens({99});
    EXPECT_CODE(extend({{SeqId(seq), t}}, 8, 0), kCancelled);
  }
};

// --- A: process death ---------------------------------------------------------------------------

TEST_F(DefectTest, A1_NoIdMeansAnySequence) {
  EXPECT_CODE(memory->seq_rm(SeqId(-1), -1, -1), kInvalidArgument);
  expect_as_set_up();
  ASSERT_OK(memory->clear(false));
  ASSERT_OK(extend(0, tokens({5})));
  expect_tokens(0, tokens({5}));
}

TEST_F(DefectTest, A2_ManyStatesForOneSequenceAreRefused) {
  const Bytes all = write(std::nullopt);  // two states
  EXPECT_CODE(memory->state_read(all, SeqId(3)), kMismatch);
  expect_as_set_up();
}

TEST_F(DefectTest, A3_CountsAreComparedWithTheBytesThatAreLeft) {
  const Bytes all = write(std::nullopt);
  constexpr std::size_t kCounts = kHeaderBytes + kSectionHeadBytes;
  for (const std::uint32_t count : {0u, 1u, 4u, 5u, 1u << 30, 0x80000000u, 0xFFFFFFFFu}) {
    for (const std::size_t at : {kCounts, kCounts + 4}) {
      Bytes forged = all;
      store_le(forged.data() + at, count);
      if (at != kCounts) {  // the section's length agrees: nothing but the bytes left can tell
        store_le(forged.data() + kHeaderBytes + 8, 8 + 8 * std::uint64_t{count});
      }
      reseal(forged);
      const std::int64_t n_before = n_allocations();
      EXPECT_CODE(memory->state_read(forged, std::nullopt), kMalformed);
      EXPECT_LT(n_allocations() - n_before, 8);
    }
  }
  expect_as_set_up();
}

TEST_F(DefectTest, A4_IdsInABlobAreLookedUp) {
  const Bytes all = write(std::nullopt);
  constexpr std::size_t kLastId = kHeaderBytes + kSectionHeadBytes + 8 + 2 * 8;
  for (const int id : kBadIds) {
    Bytes forged = all;
    store_le(forged.data() + kLastId, static_cast<std::uint32_t>(id));
    reseal(forged);
    EXPECT_FALSE(memory->state_read(forged, std::nullopt).ok()) << id;
    expect_as_set_up();
  }
}

TEST_F(DefectTest, A5_DivisionByZeroIsAnError) {
  for (const int d : {0, -1, std::numeric_limits<int>::min()}) {
    EXPECT_CODE(memory->seq_div(SeqId(0), 0, -1, d), kInvalidArgument);
  }
  expect_as_set_up();
}

TEST_F(DefectTest, A6_ATokenHasExactlyOneSequence) {
  static_assert(std::is_same_v<decltype(BatchPart::seq), SeqId>);
  static_assert(std::is_same_v<decltype(UBatchPart::seq), SeqId>);
  const std::vector<Token> none;
  const std::vector<BatchPart> empty_part = {{SeqId(3), none}};
  EXPECT_CODE(memory->init_batch(empty_part, 1), kInvalidArgument);
  EXPECT_CODE(memory->init_batch({}, 1), kInvalidArgument);
  expect_as_set_up();
}

TEST_F(DefectTest, A7_NoArgumentAborts) {
  std::mt19937 random(7);
  const auto pick_id = [&] {
    const auto r = random() % 10;
    return SeqId(r < 6 ? static_cast<int>(random() % 4) : kBadIds[r - 6 + random() % 3]);
  };
  const auto pick_pos = [&]() -> Pos {
    const Pos odd[] = {std::numeric_limits<Pos>::min(), std::numeric_limits<Pos>::max(), -1, 0};
    return random() % 2 ? odd[random() % 4] : static_cast<Pos>(random() % 6);
  };
  const auto t = some_tokens(70);
  for (int i = 0; i < 20000; ++i) {
    const SeqId a = pick_id(), b = pick_id();
    const Pos p0 = pick_pos(), p1 = pick_pos();
    const std::span<const Token> some = std::span(t).first(random() % 70);
    switch (random() % 8) {
      case 0: (void)memory->seq_rm(a, p0, p1).ok(); break;
      case 1: (void)memory->seq_cp(a, b, p0, p1).ok(); break;
      case 2: (void)memory->seq_add(a, p0, p1, pick_pos()).ok(); break;
      case 3: (void)memory->seq_div(a, p0, p1, static_cast<int>(random() % 5) - 2).ok(); break;
      case 4: (void)memory->seq_pos_max(a).ok(); break;
      case 5: (void)memory->state_read({}, a).ok(); break;
      default: (void)extend({{a, some}, {b, some}}, static_cast<std::uint32_t>(random() % 70)).ok();
    }
    ASSERT_OK(memory->check());
  }
}

TEST_F(DefectTest, A8_SharedStatesAreSavedWhole) {
  const Bytes all = write(std::nullopt);
  ASSERT_OK(extend(2, tokens({4})));  // a sharer moves on
  const Bytes moved = write(std::nullopt);
  ASSERT_OK(memory->state_read(all, std::nullopt));
  expect_as_set_up();
  ASSERT_OK(memory->state_read(moved, std::nullopt));
  expect_tokens(0, tokens({1, 2, 3}));
  expect_tokens(2, tokens({1, 2, 3, 4}));
}

// --- B: one sequence's state reaches another
// ------------------------------------------------------

TEST_F(DefectTest, B1_AFailedComputationLeavesBystandersAlone) {
  for (int seq : {3, 2}) {  // a new sequence, a fork: both in fresh cells
    fail_at(seq);
    expect_as_set_up();
  }
  fail_at(1);  // in place
  expect_tokens(0, tokens({1, 2, 3}));
  expect_tokens(2, tokens({1, 2, 3}));
  EXPECT_CODE(memory->seq_pos_max(SeqId(1)), kStateLost);
}

TEST_F(DefectTest, B2_ANewSequenceStartsFromZerosAfterRemovalsAndFailures) {
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  fail_at(3);
  for (const int seq : {1, 3}) {
    ASSERT_OK(extend(seq, tokens({50 + seq})));
    expect_tokens(seq, tokens({50 + seq}));
  }
}

TEST_F(DefectTest, B3_NoPositionIsNegative) {
  EXPECT_FALSE(memory->seq_add(SeqId(0), 0, -1, -100).ok());
  Bytes one = write(SeqId(0));
  store_le(one.data() + kHeaderBytes + kSectionHeadBytes, ~std::uint64_t{0});
  reseal(one);
  EXPECT_CODE(memory->state_read(one, SeqId(3)), kMalformed);
  expect_as_set_up();
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  ASSERT_OK(extend(0, tokens({60})));
  expect_tokens(0, tokens({60}));
}

TEST_F(DefectTest, B4_ACutStateClaimsNothing) {
  const Bytes one = write(SeqId(0));
  for (std::size_t n = 0; n < one.size(); ++n) {
    EXPECT_FALSE(memory->state_read(std::span(one).first(n), SeqId(3)).ok());
    EXPECT_FALSE(memory->state_read(std::span(one).first(n), SeqId(1)).ok());
    expect_as_set_up();
  }
}

TEST_F(DefectTest, B5_NaNDoesNotOutliveItsSequence) {
  const auto t = tokens({1});
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    {
      const std::vector<BatchPart> batch = {{SeqId(3), t}};
      auto context = memory->init_batch(batch, 1);
      ASSERT_TRUE(context.ok() && context->apply().ok());
      const Lane lane = context->lanes()[0];
      for (const StateRows& rows : {context->get_r_l(LayerId(0)), context->get_s_l(LayerId(1))}) {
        rows.buffer->write(rows.offset + static_cast<std::uint64_t>(lane.dst) * rows.stride,
                           std::as_bytes(std::span(&bad, 1)));
      }
      context->next();
    }
    EXPECT_CODE(memory->state_write(SeqId(3)), kNonFinite);
    ASSERT_OK(memory->seq_rm(SeqId(3), -1, -1));
    expect_sound();  // zeros are written, not multiplied
    ASSERT_OK(extend(3, t));
    expect_tokens(3, t);
    ASSERT_OK(memory->seq_rm(SeqId(3), -1, -1));
  }
}

TEST_F(DefectTest, B6_ReleasedRowsAreWiped) {
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  expect_sound();
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  ASSERT_OK(memory->seq_rm(SeqId(2), -1, -1));
  expect_sound();
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->clear(false));
  expect_sound();
  EXPECT_EQ(memory->n_free_cells(), 4u);
}

TEST_F(DefectTest, B7_CopiesToAndFromBadIdsAreErrors) {
  for (const int id : kBadIds) {
    EXPECT_CODE(memory->seq_cp(SeqId(0), SeqId(id), -1, -1), kInvalidArgument);
    EXPECT_CODE(memory->seq_cp(SeqId(id), SeqId(0), -1, -1), kInvalidArgument);
    EXPECT_CODE(memory->seq_keep(SeqId(id)), kInvalidArgument);
    EXPECT_CODE(memory->seq_rm(SeqId(id), -1, -1), kInvalidArgument);
    EXPECT_CODE(memory->seq_pos_max(SeqId(id)), kInvalidArgument);
    EXPECT_CODE(memory->seq_pos_min(SeqId(id)), kInvalidArgument);
    EXPECT_FALSE(memory->is_parked(SeqId(id)));
  }
  expect_as_set_up();
}

TEST_F(DefectTest, B8_ACutDumpMakesNoGhosts) {
  const Bytes all = write(std::nullopt);
  for (std::size_t n = 0; n < all.size(); ++n) {
    EXPECT_FALSE(memory->state_read(std::span(all).first(n), std::nullopt).ok());
    expect_as_set_up();
  }
}

TEST_F(DefectTest, B9_AForkIsTheWholeStateAndGettersChangeNothing) {
  const auto t = tokens({4});
  const std::vector<BatchPart> batch = {{SeqId(2), t}};
  auto context = memory->init_batch(batch, 1);
  ASSERT_TRUE(context.ok() && context->apply().ok());
  const std::int32_t first = context->s_copy(0);
  EXPECT_EQ(context->s_copy(0), first);
  EXPECT_NE(first, context->lanes()[0].dst);
  run_model(*context, kLayers);
  context->next();
  { const RecurrentContext closed = std::move(*context); }
  expect_tokens(2, tokens({1, 2, 3, 4}));
  expect_tokens(0, tokens({1, 2, 3}));
  EXPECT_EQ(pos(0), 2);
}

// --- C: silent wrong results
// ----------------------------------------------------------------------

TEST_F(DefectTest, C1_RemovingAPrefixIsAnError) {
  EXPECT_CODE(memory->seq_rm(SeqId(0), 0, 2), kOutOfWindow);
  EXPECT_CODE(memory->seq_rm(SeqId(0), 1, 2), kOutOfWindow);
  EXPECT_CODE(memory->seq_rm(SeqId(0), 1, -1), kOutOfWindow);
  expect_as_set_up();
}

TEST_F(DefectTest, C2_ACopyOfAPartIsAnError) {
  EXPECT_CODE(memory->seq_cp(SeqId(0), SeqId(3), 0, 2), kOutOfWindow);
  EXPECT_CODE(memory->seq_cp(SeqId(0), SeqId(3), 1, -1), kOutOfWindow);
  expect_as_set_up();
}

TEST_F(DefectTest, C3_NothingShiftsASibling) {
  EXPECT_CODE(memory->seq_add(SeqId(0), 0, -1, 5), kUnsupported);
  EXPECT_CODE(memory->seq_div(SeqId(0), 0, -1, 2), kUnsupported);
  expect_as_set_up();
  ASSERT_OK(extend(0, tokens({4})));
  EXPECT_EQ(pos(2), 2);
}

template <class T>
concept HasPositions = requires(T part) {
  part.pos;
}
|| requires(T part) { part.positions; };

TEST_F(DefectTest, C4_C6_TheCallerGivesNoPositions) {
  static_assert(!HasPositions<BatchPart> && !HasPositions<UBatch> && !HasPositions<UBatchPart>);
  ASSERT_OK(extend(3, tokens({2, 1, 0})));
  EXPECT_EQ(pos(3), 2);
  ASSERT_OK(extend(3, tokens({0})));
  EXPECT_EQ(pos(3), 3);
}

TEST_F(DefectTest, C5_AFailedMicroBatchAdvancesNothing) {
  const auto t = some_tokens(6, 30);
  EXPECT_CODE(extend({{SeqId(3), t}}, 2, 0), kCancelled);
  EXPECT_EQ(pos(3), -1);
  EXPECT_CODE(extend({{SeqId(2), t}}, 8, 0), kCancelled);
  expect_as_set_up();
}

TEST_F(DefectTest, C7_AFailedPlacementIsSeen) {
  static_assert(std::is_same_v<decltype(std::declval<RecurrentContext>().apply()), Status>);
  static_assert(std::is_same_v<decltype(memory->find_slot(std::declval<const UBatch&>())), Status>);
  EXPECT_CODE(memory->find_slot(UBatch{}), kInvalidArgument);
  auto context = memory->init_full();
  ASSERT_TRUE(context.ok());
  EXPECT_CODE(context->apply(), kInvalidArgument);
}

TEST_F(DefectTest, C8_ThereIsNoShift) { EXPECT_FALSE(memory->get_can_shift()); }

TEST_F(DefectTest, C9_ARefusalOfTheLastRowLeavesTheFirst) {
  Bytes one = write(SeqId(1));
  const std::uint32_t nan = 0x7FC00000;
  store_le(one.data() + one.size() - kTrailerBytes - kSumBytes - 4, nan);
  reseal(one);
  EXPECT_CODE(memory->state_read(one, SeqId(0)), kNonFinite);
  expect_as_set_up();
}

TEST_F(DefectTest, C10_EveryBitIsCoveredAndTheModelIsNamed) {
  const Bytes one = write(SeqId(0));
  for (std::size_t i = 0; i < one.size() * 8; ++i) {
    Bytes bad = one;
    bad[i / 8] ^= static_cast<std::byte>(1u << i % 8);
    EXPECT_FALSE(memory->state_read(bad, SeqId(3)).ok()) << "bit " << i;
  }
  expect_as_set_up();
  auto p = params(4, 4);
  p.identity = test_identity(8);
  auto other = RecurrentMemory::create(p);
  ASSERT_TRUE(other.ok());
  EXPECT_CODE((*other)->state_read(one, SeqId(0)), kMismatch);
}

TEST_F(DefectTest, C11_BytesSayWhatTheyAre) {
  EXPECT_CODE(memory->state_read(write(SeqId(0)), std::nullopt), kMismatch);
  Bytes one = write(SeqId(0));
  store_le(one.data() + kContentAt, std::uint32_t{2});
  reseal(one);
  EXPECT_CODE(memory->state_read(one, std::nullopt), kMalformed);
  expect_as_set_up();
}

TEST_F(DefectTest, C12_NothingIsNotAState) {
  EXPECT_CODE(memory->state_write(SeqId(3)), kNotFound);
  Bytes none = write(std::nullopt);
  none.resize(kHeaderBytes + kSectionExtraBytes + 8 + kTrailerBytes);
  store_le(none.data() + kSizeAt, std::uint64_t{none.size()});
  store_le(none.data() + kHeaderBytes + 8, std::uint64_t{8});
  store_le(none.data() + kHeaderBytes + kSectionHeadBytes, std::uint64_t{0});
  reseal(none);
  EXPECT_CODE(memory->state_read(none, std::nullopt), kMalformed);
  EXPECT_FALSE(memory->state_read({}, SeqId(0)).ok());
  expect_as_set_up();
}

TEST_F(DefectTest, C13_ThePlanDoesNotChangeUnderAContext) {
  const Bytes all = write(std::nullopt);
  const auto t = tokens({4});
  const std::vector<BatchPart> batch = {{SeqId(2), t}, {SeqId(1), t}};
  auto context = memory->init_batch(batch, 2);
  ASSERT_TRUE(context.ok() && context->apply().ok());
  const std::vector<Lane> before(context->lanes().begin(), context->lanes().end());
  EXPECT_FALSE(memory->state_read(all, std::nullopt).ok());
  EXPECT_FALSE(memory->clear(true).ok());
  EXPECT_CODE(memory->state_write(std::nullopt), kInvalidArgument);
  const UBatch ubatch = context->ubatch();
  EXPECT_TRUE(memory->prepare(std::span(&ubatch, 1)).ok());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(context->lanes()[i].src, before[i].src);
    EXPECT_EQ(context->lanes()[i].dst, before[i].dst);
  }
  run_model(*context, kLayers);
  // The row of a tail that is updated in place is ahead of the sequence's count of tokens.
  EXPECT_CODE(memory->state_write(SeqId(1)), kInvalidArgument);
  context->next();
  { const RecurrentContext closed = std::move(*context); }
  expect_tokens(2, tokens({1, 2, 3, 4}));
  expect_tokens(1, tokens({7, 8, 4}));
}

TEST_F(DefectTest, C14_ChecksReportInEveryBuild) {
  auto tensors = StateTensors::create({.layout = hash_layout(1),
                                       .layer_devices = std::vector<const Device*>{&device},
                                       .type_r = DType::kF32,
                                       .type_s = DType::kF32,
                                       .offload = true,
                                       .mem_size = 2,
                                       .filter = {}});
  ASSERT_TRUE(tensors.ok());
  KvMemory kv;  // of no attention layer
  UpdateLog log;
  Ledger ledger(2, 2, {*tensors, kv, log});
  EXPECT_TRUE(ledger.check({}).ok());
  const CellId cell = ledger.stage();
  EXPECT_FALSE(ledger.check({}).ok());  // staged, and no slot has it
  const Slot slot = {{.seq = SeqId(0), .src = CellId(), .dst = cell, .n_tokens = 1}};
  EXPECT_TRUE(ledger.check(slot).ok());
  ledger.set_tail(SeqId(0), cell, 1);
  EXPECT_FALSE(ledger.check(slot).ok());  // held now
  EXPECT_TRUE(ledger.check({}).ok());
}

// --- D: blow-ups
// ----------------------------------------------------------------------------------

TEST_F(DefectTest, D1_RowsTouchedAreTheBatchsOwn) {
  make(256, 256);
  const auto t = tokens({1});
  for (int i = 0; i < 256; ++i) ASSERT_OK(extend(i, t));
  device.type.counts = {};
  ASSERT_OK(extend({{SeqId(0), t}, {SeqId(255), t}}));
  // The fake model reads and writes each of its rows once; nobody else touches any.
  EXPECT_EQ(device.type.counts.n_read, 2 * 2 * int{kLayers});
  EXPECT_EQ(device.type.counts.n_written, 2 * 2 * int{kLayers});
  EXPECT_EQ(device.type.counts.n_zeroed, 0);
}

TEST_F(DefectTest, D2_OneRoundOfAnySequencesIsOneMicroBatch) {
  make(16, 16);
  const auto t = tokens({1});
  for (const auto& ids : {std::vector{0, 2, 4, 6, 8}, {9, 8, 7, 6, 5}, {15, 0, 3, 1, 14}}) {
    std::vector<BatchPart> batch;
    for (const int id : ids) batch.push_back({SeqId(id), t});
    auto context = memory->init_batch(batch, kUBatchMax);
    ASSERT_TRUE(context.ok() && context->apply().ok());
    EXPECT_EQ(context->lanes().size(), ids.size());
    run_model(*context, kLayers);
    EXPECT_FALSE(context->next());
  }
}

// One active sequence among many: were placing or asking O(cells), this would take minutes.
TEST_F(DefectTest, D3_D5_BookkeepingDoesNotGrowWithCapacity) {
  auto p = params(200'000, 200'000);
  p.layout = {.layers = {{.r_elems = 1, .s_elems = 0}, {}}};
  make(p);
  const auto t = tokens({1});
  const std::vector<BatchPart> batch = {{SeqId(199'999), t}};
  for (int i = 0; i < 200'000; ++i) {
    auto context = memory->init_batch(batch, 1);
    (void)context->apply().ok();
    context->next();
    (void)memory->seq_cp(SeqId(199'999), SeqId(7), -1, -1).ok();
    (void)memory->seq_rm(SeqId(7), -1, -1).ok();
    ASSERT_EQ(*memory->seq_pos_max(SeqId(199'999)), i);
  }
}

TEST_F(DefectTest, D4_NoAllocationPerDecode) {
  const auto t = tokens({1});
  const std::vector<BatchPart> batch = {{SeqId(2), t}, {SeqId(1), t}, {SeqId(3), t}};
  const std::int64_t before = n_allocations();
  for (int i = 0; i < 3; ++i) {
    auto context = memory->init_batch(batch, 2);
    do {
      (void)context->apply().ok();
    } while (context->next());
  }
  EXPECT_EQ(n_allocations(), before);
}

TEST_F(DefectTest, D6_SequencesAndCellsAreIndependent) {
  make(2, 1000);
  ASSERT_OK(extend(999, tokens({1})));
  for (int i = 0; i < 999; ++i) ASSERT_OK(memory->seq_cp(SeqId(999), SeqId(i), -1, -1));
  expect_tokens(500, tokens({1}));
  make(1000, 1);
  ASSERT_OK(extend(0, tokens({1})));
  EXPECT_EQ(memory->n_free_cells(), 999u);
}

TEST_F(DefectTest, D7_CapacityComesBack) {
  fail_at(1);
  fail_at(3);
  const auto kept = memory->checkpoint(SeqId(0), 1);
  ASSERT_TRUE(kept.ok());
  fail_at(0);
  EXPECT_FALSE(memory->seq_add(SeqId(2), 0, -1, -100).ok());
  for (int i = 0; i < 4; ++i) ASSERT_OK(memory->seq_rm(SeqId(i), -1, -1));
  EXPECT_EQ(memory->n_free_cells(), 3u);
  ASSERT_OK(memory->clear(true));
  EXPECT_EQ(memory->n_free_cells(), 4u);
}

TEST_F(DefectTest, D8_SizesAreMultipliedIn64BitsAndChecked) {
  auto p = params(3, 3);
  p.layout.layers[0].r_elems = std::numeric_limits<std::uint64_t>::max() / 8;
  EXPECT_CODE(RecurrentMemory::create(p), kInvalidArgument);
  p = params(70'000, 1);
  p.layout = {.layers = {{.r_elems = 70'000, .s_elems = 0}, {}}};  // 19.6 GB: over 32 bits
  EXPECT_CODE(RecurrentMemory::create(p), kOutOfMemory);
}

TEST_F(DefectTest, D9_NoMicroBatchHasMoreTokensThanAsked) {
  const auto t = some_tokens(5);
  const std::vector<BatchPart> batch = {{SeqId(3), t}, {SeqId(1), t}};
  for (const std::uint32_t n_ubatch : {1u, 2u, 3u}) {
    auto context = memory->init_batch(batch, n_ubatch);
    ASSERT_TRUE(context.ok());
    do {
      EXPECT_LE(context->ubatch().tokens.size(), n_ubatch);
      ASSERT_OK(context->apply());
    } while (context->next());
  }
}

TEST_F(DefectTest, D10_AFailedAllocationChangesNothing) {
  const Bytes all = write(std::nullopt);
  for (int n = 0;; ++n) {
    fail_allocation(n);
    const bool ok = memory->state_read(all, std::nullopt).ok();
    const bool has_failed = allocation_has_failed();
    fail_allocation(-1);
    EXPECT_NE(ok, has_failed);
    expect_as_set_up();
    if (!has_failed) break;
  }
}

TEST_F(DefectTest, D11_ErrorsAreReturnedNotLogged) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto t = tokens({1});
  for (const int id : kBadIds) (void)extend({{SeqId(id), t}}).ok();
  (void)extend({{SeqId(1), t}}).ok();
  (void)memory->state_read({}, SeqId(0)).ok();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

// --- E: serialised states
// -------------------------------------------------------------------------

TEST_F(DefectTest, E1_WritingIsWholeOrAnError) {
  const Bytes one = write(SeqId(0));
  EXPECT_EQ(load_le<std::uint64_t>(one.data() + kSizeAt), one.size());
  fail_allocation(0);
  EXPECT_FALSE(memory->state_write(SeqId(0)).ok());
  fail_allocation(-1);
  EXPECT_EQ(write(SeqId(0)), one);
}

TEST_F(DefectTest, E2_ARefusedLoadDestroysNothing) {
  Bytes one = write(SeqId(0));
  Bytes all = write(std::nullopt);
  one.back() ^= std::byte{1};
  all.back() ^= std::byte{1};
  EXPECT_CODE(memory->state_read(one, SeqId(1)), kMalformed);
  EXPECT_CODE(memory->state_read(all, std::nullopt), kMalformed);
  expect_as_set_up();
}

TEST_F(DefectTest, E3_ALoadIntoABadIdWipesNobody) {
  const Bytes one = write(SeqId(0));
  for (const int id : kBadIds) {
    EXPECT_CODE(memory->state_read(one, SeqId(id)), kInvalidArgument);
    expect_as_set_up();
  }
}

TEST_F(DefectTest, E4_OutputsComeWithSuccessAlone) {
  static_assert(std::is_same_v<decltype(memory->state_write(std::nullopt)), Result<Bytes>>);
  EXPECT_FALSE(memory->state_write(SeqId(3)).ok());
  expect_as_set_up();
}

TEST_F(DefectTest, E5_LengthsAreCheckedBeforeTheyAreUsed) {
  const Bytes one = write(SeqId(0));
  for (const auto& [at, n] : sections(one)) {
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
      Bytes forged = one;
      store_le(forged.data() + at + 8, length);
      EXPECT_CODE(memory->state_read(forged, SeqId(3), Checksums::kIgnore), kMalformed);
    }
  }
  expect_as_set_up();
}

TEST_F(DefectTest, E6_TrailingBytesAreRefused) {
  Bytes one = write(SeqId(0));
  one.push_back(std::byte{0});
  EXPECT_CODE(memory->state_read(one, SeqId(3)), kMalformed);
  store_le(one.data() + kSizeAt, std::uint64_t{one.size()});
  reseal(one);
  EXPECT_CODE(memory->state_read(one, SeqId(3)), kMalformed);
  expect_as_set_up();
}

TEST_F(DefectTest, E7_TheFormatIsLittleEndianVersionedAndSized) {
  Bytes one = write(SeqId(0));
  EXPECT_EQ(std::memcmp(one.data(), "EDDYSTAT\1\0\0\0\1\0\0\0", 16), 0);
  EXPECT_EQ(std::to_integer<std::size_t>(one[16]) + 256 * std::to_integer<std::size_t>(one[17]),
            one.size());
  store_le(one.data() + kVersionAt, std::uint32_t{2});
  reseal(one);
  EXPECT_CODE(memory->state_read(one, SeqId(3)), kUnsupported);
  expect_as_set_up();
}

}  // namespace
}  // namespace eddy::test
