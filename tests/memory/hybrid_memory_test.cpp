// Attention layers beside recurrent ones, and alone: one memory, one transaction for both.
#include "support/allocation_hook.h"
#include "support/hybrid_fixture.h"

namespace eddy::test {
namespace {

class HybridTest : public HybridFixture {};

TEST_F(HybridTest, SequencesKeepTheirTokensThroughForksAndCuts) {
  make(hybrid(6, 40));
  const auto a = some_tokens(70, 1), b = some_tokens(45, 200), c = some_tokens(3, 400);
  ASSERT_OK(extend({{SeqId(0), a}, {SeqId(1), b}}, 7));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(2), -1, -1));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(3), -1, -1));
  ASSERT_OK(extend({{SeqId(2), b}, {SeqId(1), c}, {SeqId(0), c}}, 5));
  expect_content(0, a + c);
  expect_content(1, b + c);
  expect_content(2, a + b);
  expect_content(3, a);
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  expect_content(2, a + b);
  expect_content(3, a);
}

TEST_F(HybridTest, LanesSayWhereTheirPagesAre) {
  make(hybrid(6, 40));
  const auto a = some_tokens(50, 1), b = some_tokens(3, 60), one = tokens({9});
  ASSERT_OK(extend({{SeqId(0), a}}));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const std::vector<BatchPart> batch = {{SeqId(1), one}, {SeqId(0), one}, {SeqId(2), b}};
  auto context = memory->init_batch(batch, kUBatchMax);
  ASSERT_TRUE(context.ok());
  EXPECT_TRUE(context->get_kv_l(LayerId(1)).lanes.empty());
  ASSERT_OK(context->apply());
  EXPECT_EQ(context->get_kv_l(LayerId(0)).pages.buffer, nullptr);
  EXPECT_EQ(context->get_kv_l(LayerId(9)).pages.buffer, nullptr);
  EXPECT_EQ(context->get_r_l(LayerId(1)).buffer, nullptr);
  const KvView all = context->get_kv_l(LayerId(1));
  ASSERT_EQ(all.lanes.size(), 3u);
  EXPECT_EQ(all.lanes[0].pos, 50);
  EXPECT_EQ(all.lanes[1].pos, 50);
  EXPECT_EQ(all.lanes[2].pos, 0);
  ASSERT_EQ(all.lanes[0].pages.size(), 2u);
  ASSERT_EQ(all.lanes[1].pages.size(), 2u);
  EXPECT_EQ(all.lanes[0].pages[0], all.lanes[1].pages[0]);  // full: read alone
  EXPECT_NE(all.lanes[0].pages[1], all.lanes[1].pages[1]);  // written
  EXPECT_EQ(context->get_kv_l(LayerId(2)).lanes.size(), 3u);
}

TEST_F(HybridTest, TheWorstCaseShowsAsManyPagesAsALaneCanHave) {
  make(hybrid(3, 40));
  auto context = memory->init_full();
  ASSERT_TRUE(context.ok());
  const KvView all = context->get_kv_l(LayerId(1)), some = context->get_kv_l(LayerId(2));
  ASSERT_EQ(all.lanes.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all.lanes[i].pages.size(), 40u);
    EXPECT_EQ(all.lanes[i].pos + context->lanes()[i].n_tokens, 40 * kP);
    EXPECT_EQ(some.lanes[i].pages.size(), n_window_pages(40, kUBatchMax));
  }
}

TEST_F(HybridTest, WhatCannotBeIsRefusedByName) {
  auto p = hybrid(2, 4);
  p.kv_size = 0;
  EXPECT_CODE(RecurrentMemory::create(p), kInvalidArgument);
  p = hybrid(2, 4);
  p.type_kv = DType::kQ8_0;
  EXPECT_CODE(RecurrentMemory::create(p), kInvalidArgument);
  p = hybrid(2, 4);
  p.filter = [](LayerId) { return false; };
  EXPECT_CODE(RecurrentMemory::create(p), kInvalidArgument);
  p.filter = [](LayerId il) { return il == LayerId(2); };
  EXPECT_OK(RecurrentMemory::create(p));
}

TEST_F(HybridTest, TheBreakdownCountsRowsAndPages) {
  make(hybrid(3, 40));
  ASSERT_EQ(memory->memory_breakdown().size(), 1u);
  const std::uint64_t n_rows = 2 * 3 * 64, n_window = 3 * n_window_pages(40, kUBatchMax);
  EXPECT_EQ(memory->memory_breakdown()[0].n_bytes, n_rows + (40 + n_window) * (3 + 3) * 4 * kP);
}

// --- Failure -------------------------------------------------------------------------------------

TEST_F(HybridTest, AFailedMicroBatchGivesItsPagesBack) {
  make(hybrid(6, 20));
  const auto a = read(0, 50, 1), b = read(1, 40, 300), more = some_tokens(20, 500);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(2), -1, -1));
  const std::uint32_t n_free_before = n_free();
  EXPECT_FALSE(extend({{SeqId(0), more}, {SeqId(3), more}}, kUBatchMax, 0).ok());
  EXPECT_EQ(n_free(), n_free_before);
  expect_content(0, a);  // shared, so that it was not written in place
  expect_content(2, a);
  EXPECT_FALSE(extend({{SeqId(1), more}}, kUBatchMax, 0).ok());
  EXPECT_CODE(memory->seq_pos_max(SeqId(1)), kStateLost);
  EXPECT_EQ(n_free(), n_free_before + 2);
  expect_sound();
}

TEST_F(HybridTest, MicroBatchesBeforeTheFailedOneStay) {
  make(hybrid(6, 20));
  const auto a = some_tokens(50, 1), b = some_tokens(30, 400);
  EXPECT_FALSE(extend({{SeqId(0), a}, {SeqId(1), b}}, 50, 1).ok());
  expect_content(0, a);
  expect_content(1, {});
  expect_sound();
}

// --- Room ----------------------------------------------------------------------------------------

TEST_F(HybridTest, FullSaysHowManyPagesAreMissing) {
  make(hybrid(4, 3));
  const auto a = read(0, 64, 1), more = some_tokens(40, 70);
  const std::vector<BatchPart> batch = {{SeqId(1), more}};
  const auto refused = memory->init_batch(batch, kUBatchMax);
  EXPECT_CODE(refused, kFull);
  EXPECT_NE(refused.error().message.find("2 pages of window 0 must be free, 1 of 3 are"),
            std::string::npos)
      << refused.error().message;
  expect_content(0, a);
  EXPECT_OK(extend(1, some_tokens(32, 70)));
}

TEST_F(HybridTest, PrepareCountsPagesAndChangesNothing) {
  make(hybrid(4, 3));
  read(0, 64, 1);
  const auto t = some_tokens(33, 70);
  const UBatchPart part{.seq = SeqId(1), .part = 0, .first_token = 0, .n_tokens = 33};
  UBatch ubatch{.tokens = t, .parts = std::span(&part, 1), .outputs = {}};
  EXPECT_CODE(memory->prepare(std::span(&ubatch, 1)), kFull);
  const UBatchPart fits{.seq = SeqId(1), .part = 0, .first_token = 0, .n_tokens = 32};
  ubatch.tokens = std::span(t).first(32);
  ubatch.parts = std::span(&fits, 1);
  EXPECT_OK(memory->prepare(std::span(&ubatch, 1)));
  const std::vector<UBatch> two = {ubatch, ubatch};  // 32 tokens twice
  EXPECT_CODE(memory->prepare(two), kFull);
}

TEST_F(HybridTest, CheckpointsAreEvictedForPages) {
  make(hybrid(8, 6));
  read(0, 64, 1);
  auto low = memory->checkpoint(SeqId(0), 1);
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  read(0, 64, 100);
  auto high = memory->checkpoint(SeqId(0), 2);
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  const auto a = read(1, 3 * kP, 200);  // two pages are free
  EXPECT_FALSE(low->is_kept());
  EXPECT_TRUE(high->is_kept());
  expect_content(1, a);
}

// Neither of two checkpoints that share pages frees them alone.
TEST_F(HybridTest, CheckpointsThatSharePagesGoTogether) {
  make(hybrid(8, 6));
  read(0, 3 * kP, 1);
  auto first = memory->checkpoint(SeqId(0), 1);
  read(0, 1, 500);  // a fourth page; three are shared
  auto second = memory->checkpoint(SeqId(0), 2);
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  ASSERT_EQ(n_free(), 2u);
  const auto a = read(1, 5 * kP, 200);
  EXPECT_FALSE(first->is_kept());
  EXPECT_FALSE(second->is_kept());
  expect_content(1, a);
}

// The checkpoint of least worth would go first, but it frees nothing: its pages are a sequence's.
TEST_F(HybridTest, WhatWouldFreeNothingStays) {
  make(hybrid(8, 6));
  const auto a = read(0, 2 * kP, 1);
  auto shared = memory->checkpoint(SeqId(0), 1);
  const auto more = read(0, 2, 50);
  read(1, 2 * kP, 300);
  auto alone = memory->checkpoint(SeqId(1), 2);
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  ASSERT_EQ(n_free(), 1u);
  const auto b = read(2, 2 * kP, 700);
  EXPECT_TRUE(shared->is_kept());
  EXPECT_FALSE(alone->is_kept());
  expect_content(0, a + more);
  expect_content(2, b);
}

TEST_F(HybridTest, ASequencesOwnCheckpointGoesWhereItsCopyWouldNotFit) {
  make(hybrid(8, 2));
  const auto a = read(0, 40, 1);
  auto kept = memory->checkpoint(SeqId(0), 1);
  const auto b = read(0, 5, 60);  // in a copy of the second page, but no third is left
  EXPECT_FALSE(kept->is_kept());
  expect_content(0, a + b);
}

TEST_F(HybridTest, IdleSequencesAreParkedForPagesAndComeBack) {
  make(hybrid(8, 6));
  const auto a = read(0, 3 * kP + 5, 1);
  std::vector<std::byte> stored;
  memory->on_park([&](const ParkRequest& request) {
    EXPECT_EQ(request.pos, 3 * kP + 4);
    stored.assign(request.state.begin(), request.state.end());
    return true;
  });
  const auto b = read(1, 4 * kP, 300);
  EXPECT_TRUE(memory->is_parked(SeqId(0)));
  expect_content(1, b);
  memory->on_park({});
  EXPECT_CODE(memory->state_read(stored, SeqId(0)), kFull);
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  ASSERT_OK(memory->state_read(stored, SeqId(0)));
  expect_content(0, a);
}

TEST_F(HybridTest, NobodyIsAskedToParkInVain) {
  make(hybrid(8, 6));
  read(0, 64, 1);
  int n_asked = 0;
  memory->on_park([&](const ParkRequest&) { return ++n_asked > 0; });
  EXPECT_CODE(extend(1, some_tokens(7 * kP)), kFull);
  EXPECT_EQ(n_asked, 0);
}

// A long prompt needs what its window spans, not its length.
TEST_F(HybridTest, AWindowsPagesComeBackWhileALongPromptIsRead) {
  auto p = with_layout(params(4, 4), hybrid_layout(1, {2048}), 2 * 81);
  p.n_ubatch_max = 512;
  make(p);
  ASSERT_FALSE(memory->kv().is_ample(0));
  const auto a = some_tokens(100'000, 3), b = some_tokens(10'000, 5);
  ASSERT_OK(extend({{SeqId(0), a}}, 512));
  expect_content(0, a);
  EXPECT_LE(162 - n_free(), 65u);
  ASSERT_OK(extend({{SeqId(0), b}, {SeqId(1), b}}, 512));
  expect_content(0, a + b);
  expect_content(1, b);
}

// Two share a state; the first takes its page along, so that the second's window does not free it.
TEST_F(HybridTest, PagesThatOthersTakeAlongAreNotCountedOn) {
  for (const std::uint32_t n_pages : {4u, 6u}) {
    make(with_layout(params(4, 4), hybrid_layout(1, {40}), n_pages));
    ASSERT_FALSE(memory->kv().is_ample(0));
    const auto a = read(0, 40, 1), b = some_tokens(16, 100), c = some_tokens(200, 300);
    ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
    const std::vector<BatchPart> batch = {{SeqId(0), b}, {SeqId(1), c}};
    if (n_pages == 4) {  // three are taken at a time, two are free
      EXPECT_CODE(memory->init_batch(batch, 16), kFull);
      continue;
    }
    ASSERT_OK(extend(batch, 16));
    expect_content(0, a + b);
    expect_content(1, a + c);
  }
}

TEST_F(HybridTest, ClearFreesEveryPage) {
  make(hybrid(8, 6));
  read(0, 64, 1);
  auto kept = memory->checkpoint(SeqId(0), 1);
  read(0, 1, 3);
  ASSERT_OK(memory->clear(false));
  EXPECT_EQ(n_free(), 4u);
  ASSERT_OK(memory->clear(true));
  EXPECT_EQ(n_free(), 6u);
}

// --- Removing an end -----------------------------------------------------------------------------

TEST_F(HybridTest, ARecurrentLayerCannotBeCut) {
  make(hybrid(4, 20));
  read(0, 50, 1);
  EXPECT_CODE(memory->seq_rm(SeqId(0), 40, -1), kOutOfWindow);
  EXPECT_EQ(*memory->seq_pos_min(SeqId(0)), 49);
}

TEST_F(HybridTest, WithoutOneAnEndCanBeRemoved) {
  make(attention(4, 20));
  auto a = read(0, 70, 1);
  EXPECT_EQ(*memory->seq_pos_min(SeqId(0)), 0);
  EXPECT_CODE(memory->seq_rm(SeqId(0), 10, 20), kOutOfWindow);
  ASSERT_OK(memory->seq_rm(SeqId(0), 40, -1));
  a.resize(40);
  expect_content(0, a);
  EXPECT_EQ(n_free(), 18u);
  const auto b = read(0, 9, 600);
  expect_content(0, a + b);
}

TEST_F(HybridTest, AnEndIsRemovedFromOneOfThoseWhoShareIt) {
  make(attention(4, 20));
  const auto a = read(0, 70, 1);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  auto kept = memory->checkpoint(SeqId(0), 1);
  ASSERT_OK(memory->seq_rm(SeqId(1), 40, 70));
  const auto front = std::vector<Token>(a.begin(), a.begin() + 40);
  expect_content(1, front);
  EXPECT_EQ(n_free(), 17u);  // shared, the partly used page too
  const auto b = read(1, 2, 600), c = read(0, 2, 700);
  expect_content(0, a + c);
  expect_content(1, front + b);
  ASSERT_OK(memory->start(SeqId(2), *kept));
  expect_content(2, a);
}

TEST_F(HybridTest, NoEndIsRemovedThatAWindowHasPassed) {
  make(with_layout(params(4, 4), hybrid_layout(0, {0, 40}), 20));
  const auto a = read(0, 39, 1);
  EXPECT_EQ(*memory->seq_pos_min(SeqId(0)), 0);
  ASSERT_OK(memory->seq_rm(SeqId(0), 38, -1));
  read(0, 2, 100);
  EXPECT_EQ(*memory->seq_pos_min(SeqId(0)), 39);
  EXPECT_CODE(memory->seq_rm(SeqId(0), 38, -1), kOutOfWindow);
}

TEST_F(HybridTest, ASharedEndNeedsACell) {
  make(attention(1, 20));
  const auto a = read(0, 70, 1);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  EXPECT_CODE(memory->seq_rm(SeqId(1), 40, -1), kFull);
  expect_content(1, a);
}

// --- Law 5 and costs -----------------------------------------------------------------------------

// Where wiping leaves NaN, nothing of it is ever read or serialised.
TEST_F(HybridTest, WhatIsNotWrittenIsNotRead) {
  device.type.wiped = std::byte{0xFF};
  make(attention(6, 20));
  for (int round = 0; round < 4; ++round) {
    const auto a = read(0, 45, round), b = read(0, 13, 40 + round);
    ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
    const auto c = read(1, 40, 80 + round);
    expect_content(0, a + b);
    expect_content(1, a + b + c);
    const auto bytes = memory->state_write(std::nullopt);
    ASSERT_OK(bytes);
    ASSERT_OK(memory->state_read(*bytes, std::nullopt));
    EXPECT_EQ(*memory->state_write(std::nullopt), *bytes);
    ASSERT_OK(memory->clear(true));  // every page is wiped, and used again
  }
  memory.reset();
}

TEST_F(HybridTest, ForkAndDecodeTouchNoPageAndAllocateNothing) {
  make(hybrid(6, 20));
  read(0, 50, 1);
  const auto t = tokens({1});
  const std::vector<BatchPart> batch = {{SeqId(0), t}};
  device.type.counts = {};
  const std::int64_t n_before = n_allocations();
  for (int i = 0; i < 14; ++i) {  // up to the page's end
    auto context = memory->init_batch(batch, 1);
    ASSERT_TRUE(context.ok() && context->apply().ok());
    (void)context->get_kv_l(LayerId(1));
    context->next();
  }
  (void)memory->seq_cp(SeqId(0), SeqId(1), -1, -1).ok();
  EXPECT_EQ(device.type.counts.n_touched(), 0);
  for (int i = 0; i < 100; ++i) {
    auto context = memory->init_batch(batch, 1);
    ASSERT_TRUE(context.ok() && context->apply().ok());
    context->next();
  }
  (void)memory->seq_rm(SeqId(0), -1, -1).ok();
  EXPECT_EQ(n_allocations(), n_before);
}

TEST_F(HybridTest, ACopyTouchesTheWrittenRowsOfOnePage) {
  make(hybrid(6, 20));
  read(0, 50, 1);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto t = tokens({1});
  const std::vector<BatchPart> batch = {{SeqId(0), t}};
  device.type.counts = {};
  auto context = memory->init_batch(batch, 1);
  ASSERT_TRUE(context.ok() && context->apply().ok());
  EXPECT_EQ(device.type.counts.n_read, 4);  // K and V of two layers
  EXPECT_EQ(device.type.counts.n_written, 4);
  EXPECT_EQ(device.type.counts.n_zeroed, 0);
}

}  // namespace
}  // namespace eddy::test
