// The contract of RecurrentMemory and RecurrentContext, call by call.
#include "memory/recurrent_memory.h"

#include <limits>
#include <set>

#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

class RecurrentMemoryTest : public MemoryFixture {
 protected:
  // The lanes of a one-micro-batch batch, left uncomputed.
  std::vector<Lane> lanes_of(const std::vector<BatchPart>& batch) {
    auto context = memory->init_batch(batch, kUBatchMax);
    if (!context || !context->apply().ok()) return {};
    return {context->lanes().begin(), context->lanes().end()};
  }
};

TEST_F(RecurrentMemoryTest, RefusesImpossibleSizes) {
  for (auto& p : {params(0, 1), params(1, 0), params(0x80000000u, 1), params(1, 0x80000000u)}) {
    EXPECT_CODE(RecurrentMemory::create(p), kInvalidArgument);
  }
  auto p = params(1, 1);
  p.n_ubatch_max = 0;
  EXPECT_CODE(RecurrentMemory::create(p), kInvalidArgument);
  p = params(1, 1);
  device.type.refuses = true;
  EXPECT_CODE(RecurrentMemory::create(p), kOutOfMemory);
}

TEST_F(RecurrentMemoryTest, ExtendsWhateverTheCut) {
  make(3, 3);
  const auto a = some_tokens(50), b = some_tokens(7, 100);
  for (const std::uint32_t n_ubatch : {1u, 2u, 3u, 7u, 50u, 64u}) {
    ASSERT_OK(memory->clear(false));
    ASSERT_OK(extend({{SeqId(2), a}, {SeqId(0), b}}, n_ubatch));
    expect_tokens(2, a);
    expect_tokens(0, b);
    EXPECT_EQ(pos(1), -1);
  }
}

TEST_F(RecurrentMemoryTest, PrivateTailIsUpdatedInPlace) {
  make(2, 2);
  const auto t = some_tokens(3);
  const auto first = lanes_of({{SeqId(0), t}});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].src, kZeroRow);
  ASSERT_OK(extend(0, t));
  const auto second = lanes_of({{SeqId(0), t}});
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].src, second[0].dst);
}

TEST_F(RecurrentMemoryTest, SharedTailIsCopiedByTheFirstWriter) {
  make(3, 3);
  ASSERT_OK(extend(0, tokens({1, 2})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  EXPECT_EQ(memory->n_free_cells(), 2u);
  ASSERT_OK(extend(1, tokens({3})));
  EXPECT_EQ(memory->n_free_cells(), 1u);
  expect_tokens(0, tokens({1, 2}));
  expect_tokens(1, tokens({1, 2, 3}));
  ASSERT_OK(extend(0, tokens({4})));  // private by now: in place
  EXPECT_EQ(memory->n_free_cells(), 1u);
  expect_tokens(0, tokens({1, 2, 4}));
  expect_tokens(1, tokens({1, 2, 3}));
}

TEST_F(RecurrentMemoryTest, SharersInOneMicroBatchAllMove) {
  make(4, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), 0, -1));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(2), 0, 1));
  const auto a = tokens({10}), b = tokens({20}), c = tokens({30});
  ASSERT_OK(extend({{SeqId(2), c}, {SeqId(0), a}, {SeqId(1), b}}));
  expect_tokens(0, tokens({1, 10}));
  expect_tokens(1, tokens({1, 20}));
  expect_tokens(2, tokens({1, 30}));
  EXPECT_EQ(memory->n_free_cells(), 1u);  // the old tail is free again
}

// A lane's destination is nobody's source but its own, and no two lanes write one row.
TEST_F(RecurrentMemoryTest, LanesDoNotCollide) {
  make(8, 4);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  ASSERT_OK(extend(2, tokens({2})));
  const auto t = tokens({5});
  const auto lanes = lanes_of({{SeqId(3), t}, {SeqId(1), t}, {SeqId(2), t}, {SeqId(0), t}});
  ASSERT_EQ(lanes.size(), 4u);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    for (std::size_t j = 0; j < lanes.size(); ++j) {
      if (i == j) continue;
      EXPECT_NE(lanes[i].dst, lanes[j].dst);
      EXPECT_NE(lanes[i].src, lanes[j].dst);
    }
  }
}

TEST_F(RecurrentMemoryTest, FullChangesNothingAndSaysFigures) {
  make(2, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(extend(1, tokens({2})));
  const auto a = tokens({3});
  const Status refused = extend({{SeqId(0), a}, {SeqId(2), a}});
  EXPECT_CODE(refused, kFull);
  EXPECT_NE(refused.error().message.find("1 cells must be free, 0 of 2"), std::string::npos)
      << refused.error().message;
  expect_tokens(0, tokens({1}));
  expect_tokens(1, tokens({2}));
  EXPECT_EQ(pos(2), -1);
}

// The last sharer needs no cell once the others have moved on, and cells freed on the way count.
TEST_F(RecurrentMemoryTest, PlanFollowsTheMicroBatches) {
  make(2, 2);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto a = tokens({10}), b = tokens({20});
  const std::vector<BatchPart> batch = {{SeqId(0), a}, {SeqId(1), b}};
  EXPECT_CODE(extend(batch, 2), kFull);  // both at once need two cells
  ASSERT_OK(extend(batch, 1));           // one after the other need one
  expect_tokens(0, tokens({1, 10}));
  expect_tokens(1, tokens({1, 20}));
}

TEST_F(RecurrentMemoryTest, PlanCountsCellsThatAllSharersLeft) {
  make(4, 4);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto t = tokens({5});
  const std::vector<BatchPart> batch = {{SeqId(0), t}, {SeqId(1), t}, {SeqId(2), t}, {SeqId(3), t}};
  EXPECT_CODE(extend(batch, 4), kFull);
  ASSERT_OK(extend(batch, 2));  // 2 fresh, the old one freed, 2 fresh
  EXPECT_EQ(memory->n_free_cells(), 0u);
}

TEST_F(RecurrentMemoryTest, PrepareSaysWhatWillWork) {
  make(2, 3);
  ASSERT_OK(extend(0, tokens({1})));
  const auto t = tokens({1, 2});
  const UBatchPart p0{.seq = SeqId(0), .part = 0, .first_token = 0, .n_tokens = 1};
  const UBatchPart p1{.seq = SeqId(1), .part = 1, .first_token = 1, .n_tokens = 1};
  const UBatchPart p2{.seq = SeqId(2), .part = 1, .first_token = 1, .n_tokens = 1};
  const std::vector<UBatchPart> two = {p0, p1}, other = {p0, p2}, same = {p0, p0};
  const UBatch fits{.tokens = t, .parts = two, .outputs = {}};
  const UBatch third{.tokens = t, .parts = other, .outputs = {}};
  const UBatch repeated{.tokens = t, .parts = same, .outputs = {}};
  EXPECT_OK(memory->prepare(std::vector{fits}));
  EXPECT_OK(memory->prepare(std::vector{fits, fits}));
  EXPECT_CODE(memory->prepare(std::vector{fits, third}), kFull);
  EXPECT_CODE(memory->prepare(std::vector{repeated}), kInvalidArgument);
  EXPECT_CODE(memory->prepare(std::vector{UBatch{}}), kInvalidArgument);
  const UBatch too_few{.tokens = std::span(t).first(1), .parts = two, .outputs = {}};
  EXPECT_CODE(memory->prepare(std::vector{too_few}), kInvalidArgument);
  EXPECT_EQ(memory->n_free_cells(), 1u);
  EXPECT_CODE(memory->find_slot(fits), kInvalidArgument);  // no context is open
}

TEST_F(RecurrentMemoryTest, InitBatchChecksItsArguments) {
  make(2, 2);
  const auto t = tokens({1});
  const std::vector<Token> none;
  EXPECT_CODE(extend(std::vector<BatchPart>{}), kInvalidArgument);
  EXPECT_CODE(extend({{SeqId(0), none}}), kInvalidArgument);
  EXPECT_CODE(extend({{SeqId(0), t}, {SeqId(0), t}}), kInvalidArgument);
  EXPECT_CODE(extend({{SeqId(0), t}, {SeqId(0), t}}, 1), kInvalidArgument);  // in two micro-batches
  EXPECT_CODE(extend({{SeqId(0), t}}, 0), kInvalidArgument);
  EXPECT_CODE(extend({{SeqId(0), t}}, kUBatchMax + 1), kInvalidArgument);
  for (const int id :
       {-1, -2, 2, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()}) {
    EXPECT_CODE(extend({{SeqId(id), t}}), kInvalidArgument);
  }
  EXPECT_EQ(memory->n_free_cells(), 2u);
}

TEST_F(RecurrentMemoryTest, OneContextAtATimeAndNoChangesMeanwhile) {
  make(3, 3);
  ASSERT_OK(extend(0, tokens({1})));
  auto saved = memory->state_write(SeqId(0));
  auto pin = memory->checkpoint(SeqId(0), 1);
  ASSERT_TRUE(saved.ok() && pin.ok());
  const auto t = tokens({2});
  const std::vector<BatchPart> batch = {{SeqId(0), t}};
  {
    auto context = memory->init_batch(batch, 1);
    ASSERT_TRUE(context.ok());
    EXPECT_CODE(memory->init_batch(batch, 1), kInvalidArgument);
    EXPECT_CODE(memory->init_full(), kInvalidArgument);
    EXPECT_CODE(memory->init_update(), kInvalidArgument);
    EXPECT_CODE(memory->clear(true), kInvalidArgument);
    EXPECT_CODE(memory->seq_rm(SeqId(0), -1, -1), kInvalidArgument);
    EXPECT_CODE(memory->seq_cp(SeqId(0), SeqId(1), -1, -1), kInvalidArgument);
    EXPECT_CODE(memory->seq_keep(SeqId(0)), kInvalidArgument);
    EXPECT_CODE(memory->seq_add(SeqId(0), 0, 1, 0), kInvalidArgument);
    EXPECT_CODE(memory->seq_div(SeqId(0), 0, 1, 1), kInvalidArgument);
    EXPECT_CODE(memory->state_read(*saved, SeqId(1)), kInvalidArgument);
    EXPECT_CODE(memory->state_write(SeqId(0)), kInvalidArgument);
    EXPECT_CODE(memory->checkpoint(SeqId(0), 1), kInvalidArgument);
    EXPECT_CODE(memory->start(SeqId(1), *pin), kInvalidArgument);
    EXPECT_CODE(memory->set_worth(*pin, 1), kInvalidArgument);
    EXPECT_EQ(pos(0), 0);
  }
  EXPECT_TRUE(memory->init_batch(batch, 1).ok());
  expect_tokens(0, tokens({1}));
}

TEST_F(RecurrentMemoryTest, ContextWalksAndEnds) {
  make(2, 2);
  const auto t = some_tokens(5);
  const std::vector<BatchPart> batch = {{SeqId(1), t}};
  auto context = memory->init_batch(batch, 2);
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(context->status(), ContextStatus::kSuccess);
  EXPECT_EQ(context->ubatch().tokens.size(), 2u);
  EXPECT_TRUE(context->lanes().empty());
  EXPECT_EQ(context->rs_z(), -1);
  EXPECT_FALSE(context->next());  // nothing is applied
  ASSERT_OK(context->apply());
  EXPECT_CODE(context->apply(), kInvalidArgument);
  EXPECT_OK(memory->check());
  EXPECT_EQ(context->n_rs(), 1u);
  EXPECT_EQ(context->rs_z(), 0);
  EXPECT_EQ(context->s_copy(0), kZeroRow);
  EXPECT_EQ(context->head(), static_cast<std::uint32_t>(context->lanes()[0].dst));
  EXPECT_EQ(pos(1), -1);  // not published
  run_model(*context, kLayers);
  EXPECT_TRUE(context->next());
  EXPECT_EQ(pos(1), 1);
  RecurrentContext moved = std::move(*context);
  ASSERT_OK(moved.apply());
  EXPECT_EQ(moved.s_copy(0), moved.lanes()[0].dst);
  EXPECT_EQ(moved.rs_z(), -1);
  run_model(moved, kLayers);
  EXPECT_TRUE(moved.next());
  ASSERT_OK(moved.apply());
  run_model(moved, kLayers);
  EXPECT_FALSE(moved.next());
  EXPECT_EQ(moved.status(), ContextStatus::kNoUpdate);
  EXPECT_OK(moved.apply());
  EXPECT_FALSE(moved.next());
  { const RecurrentContext closed = std::move(moved); }
  expect_tokens(1, t);
}

TEST_F(RecurrentMemoryTest, InitFullShowsTheWorstCaseAndComputesNothing) {
  make(3, 5);
  {
    auto context = memory->init_full();
    ASSERT_TRUE(context.ok());
    EXPECT_EQ(context->status(), ContextStatus::kPlanOnly);
    EXPECT_EQ(context->ubatch().tokens.size(), kUBatchMax);
    EXPECT_EQ(context->n_rs(), 3u);
    EXPECT_CODE(context->apply(), kInvalidArgument);
    EXPECT_FALSE(context->next());
  }
  EXPECT_EQ(memory->n_free_cells(), 3u);
  auto update = memory->init_update();
  ASSERT_TRUE(update.ok());
  EXPECT_EQ(update->status(), ContextStatus::kNoUpdate);
  EXPECT_OK(update->apply());
  EXPECT_FALSE(update->next());
}

TEST_F(RecurrentMemoryTest, CancelledBetweenMicroBatchesKeepsWhatIsPublished) {
  make(2, 2);
  const auto t = some_tokens(6);
  {
    const std::vector<BatchPart> batch = {{SeqId(0), t}};
    auto context = memory->init_batch(batch, 2);
    ASSERT_TRUE(context.ok());
    ASSERT_OK(context->apply());
    run_model(*context, kLayers);
    ASSERT_TRUE(context->next());
  }
  expect_tokens(0, some_tokens(2));
  ASSERT_OK(extend(0, {t.begin() + 2, t.end()}));
  expect_tokens(0, t);
}

TEST_F(RecurrentMemoryTest, FailureInAFreshCellIsAsIfItHadNotHappened) {
  make(3, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto t = tokens({2});
  EXPECT_CODE(extend({{SeqId(1), t}, {SeqId(2), t}}, 8, 0), kCancelled);
  expect_tokens(0, tokens({1}));
  expect_tokens(1, tokens({1}));
  EXPECT_EQ(pos(2), -1);
  EXPECT_EQ(memory->n_free_cells(), 2u);
  expect_sound();
}

TEST_F(RecurrentMemoryTest, FailureInPlaceLosesThatStateAndSaysSo) {
  make(3, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(extend(1, tokens({2})));
  const auto t = tokens({3});
  EXPECT_CODE(extend({{SeqId(0), t}}, 8, 0), kCancelled);
  EXPECT_CODE(memory->seq_pos_max(SeqId(0)), kStateLost);
  EXPECT_CODE(memory->seq_pos_min(SeqId(0)), kStateLost);
  EXPECT_CODE(extend(0, t), kStateLost);
  EXPECT_CODE(memory->seq_cp(SeqId(0), SeqId(2), -1, -1), kStateLost);
  EXPECT_CODE(memory->checkpoint(SeqId(0), 0), kStateLost);
  EXPECT_CODE(memory->state_write(SeqId(0)), kStateLost);
  EXPECT_CODE(memory->state_write(std::nullopt), kStateLost);
  EXPECT_CODE(memory->seq_rm(SeqId(0), 0, 1), kStateLost);
  expect_tokens(1, tokens({2}));
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  ASSERT_OK(extend(0, tokens({7})));
  expect_tokens(0, tokens({7}));
}

TEST_F(RecurrentMemoryTest, AStatePutThereEndsTheLoss) {
  make(3, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(extend(1, tokens({2})));
  const auto t = tokens({3});
  EXPECT_CODE(extend({{SeqId(0), t}}, 8, 0), kCancelled);
  ASSERT_OK(memory->seq_cp(SeqId(1), SeqId(0), -1, -1));
  expect_tokens(0, tokens({2}));
}

TEST_F(RecurrentMemoryTest, FailEndsTheWalk) {
  make(2, 2);
  const auto t = tokens({1, 2});
  const std::vector<BatchPart> batch = {{SeqId(0), t}};
  auto context = memory->init_batch(batch, 1);
  ASSERT_TRUE(context.ok());
  ASSERT_OK(context->apply());
  context->fail();
  EXPECT_EQ(context->status(), ContextStatus::kFailedCompute);
  EXPECT_CODE(context->apply(), kInvalidArgument);
  EXPECT_FALSE(context->next());
  EXPECT_TRUE(context->ubatch().parts.empty());
  EXPECT_EQ(memory->n_free_cells(), 2u);
}

// --- The field's verbs --------------------------------------------------------------------------

TEST_F(RecurrentMemoryTest, SeqRmRemovesTheWholeOrNothing) {
  make(2, 2);
  const auto t = some_tokens(10);
  const auto whole = std::vector<std::pair<Pos, Pos>>{{-1, -1}, {0, -1}, {0, 10}, {-5, 99}};
  for (const auto& [p0, p1] : whole) {
    ASSERT_OK(extend(0, t));
    ASSERT_OK(memory->seq_rm(SeqId(0), p0, p1));
    EXPECT_EQ(pos(0), -1);
    EXPECT_EQ(memory->n_free_cells(), 2u);
  }
  ASSERT_OK(extend(0, t));
  const auto none = std::vector<std::pair<Pos, Pos>>{{10, -1}, {10, 20}, {5, 5}, {7, 3}, {0, 0}};
  for (const auto& [p0, p1] : none) {
    ASSERT_OK(memory->seq_rm(SeqId(0), p0, p1));
    expect_tokens(0, t);
  }
  const auto part = std::vector<std::pair<Pos, Pos>>{{9, -1}, {1, 10}, {0, 9}, {-1, 1}, {3, 5}};
  for (const auto& [p0, p1] : part) {
    EXPECT_CODE(memory->seq_rm(SeqId(0), p0, p1), kOutOfWindow);
    expect_tokens(0, t);
  }
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));  // empty already
  ASSERT_OK(memory->seq_rm(SeqId(1), 3, 9));
}

TEST_F(RecurrentMemoryTest, SeqCpSharesTheWholeOrRefuses) {
  make(3, 3);
  ASSERT_OK(extend(0, some_tokens(5)));
  ASSERT_OK(extend(1, tokens({9})));
  for (const auto& [p0, p1] : std::vector<std::pair<Pos, Pos>>{{1, -1}, {0, 4}, {2, 3}, {0, 0}}) {
    EXPECT_CODE(memory->seq_cp(SeqId(0), SeqId(1), p0, p1), kOutOfWindow);
    expect_tokens(1, tokens({9}));
  }
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(0), -1, -1));
  expect_tokens(0, some_tokens(5));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), 0, 5));  // what 1 held is released
  expect_tokens(1, some_tokens(5));
  EXPECT_EQ(memory->n_free_cells(), 2u);
  ASSERT_OK(memory->seq_cp(SeqId(2), SeqId(1), -1, -1));  // a copy of an empty one is empty
  EXPECT_EQ(pos(1), -1);
}

TEST_F(RecurrentMemoryTest, SeqKeepRemovesTheOthers) {
  make(3, 3);
  for (int i = 0; i < 3; ++i) ASSERT_OK(extend(i, tokens({i})));
  ASSERT_OK(memory->seq_keep(SeqId(1)));
  EXPECT_EQ(pos(0), -1);
  EXPECT_EQ(pos(2), -1);
  expect_tokens(1, tokens({1}));
  EXPECT_EQ(memory->n_free_cells(), 2u);
}

TEST_F(RecurrentMemoryTest, PositionsAreNotShifted) {
  make(2, 2);
  ASSERT_OK(extend(0, some_tokens(5)));
  EXPECT_FALSE(memory->get_can_shift());
  EXPECT_OK(memory->seq_add(SeqId(0), 0, -1, 0));
  EXPECT_OK(memory->seq_add(SeqId(0), 5, -1, 3));
  EXPECT_OK(memory->seq_add(SeqId(1), 0, -1, 3));  // empty
  EXPECT_CODE(memory->seq_add(SeqId(0), 0, -1, 3), kUnsupported);
  EXPECT_CODE(memory->seq_add(SeqId(0), 2, 4, -1), kUnsupported);
  EXPECT_CODE(memory->seq_add(SeqId(0), 0, -1, std::numeric_limits<Pos>::max()), kInvalidArgument);
  EXPECT_CODE(memory->seq_add(SeqId(0), 0, -1, std::numeric_limits<Pos>::min()), kInvalidArgument);
  EXPECT_OK(memory->seq_div(SeqId(0), 0, -1, 1));
  EXPECT_OK(memory->seq_div(SeqId(0), 4, 2, 7));
  EXPECT_CODE(memory->seq_div(SeqId(0), 0, -1, 2), kUnsupported);
  expect_tokens(0, some_tokens(5));
}

TEST_F(RecurrentMemoryTest, PositionsCountTokens) {
  make(2, 2);
  EXPECT_EQ(pos(0), -1);
  ASSERT_OK(extend(0, some_tokens(5)));
  EXPECT_EQ(pos(0), 4);
  EXPECT_EQ(*memory->seq_pos_min(SeqId(0)), 4);
}

TEST_F(RecurrentMemoryTest, ClearForgets) {
  make(3, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(extend(1, tokens({2})));
  auto pin = memory->checkpoint(SeqId(0), 1);
  ASSERT_TRUE(pin.ok());
  ASSERT_OK(memory->clear(false));
  EXPECT_EQ(pos(0), -1);
  EXPECT_EQ(memory->n_free_cells(), 2u);
  ASSERT_OK(memory->start(SeqId(2), *pin));  // checkpoints stay
  expect_tokens(2, tokens({1}));
  ASSERT_OK(memory->clear(true));
  EXPECT_EQ(memory->n_free_cells(), 3u);
  EXPECT_FALSE(pin->is_kept());
}

TEST_F(RecurrentMemoryTest, ClearWithDataLeavesZerosAndTouchesWhatWasHeld) {
  make(100, 3);
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto pin = memory->checkpoint(SeqId(0), 1);
  ASSERT_OK(extend(0, tokens({2})));
  EXPECT_EQ(memory->n_free_cells(), 98u);
  device.type.counts = {};
  ASSERT_OK(memory->clear(true));
  EXPECT_EQ(device.type.counts.n_zeroed, 2 * 2 * int{kLayers});  // R and S of two cells
  EXPECT_EQ(device.type.counts.n_touched(), device.type.counts.n_zeroed);
  EXPECT_EQ(memory->n_free_cells(), 100u);
  EXPECT_OK(memory->check_free_rows());
}

TEST_F(RecurrentMemoryTest, MemoryBreakdownNamesBufferTypes) {
  auto p = params(4, 2);
  p.layer_devices = {&device, &far};
  make(p);
  const auto uses = memory->memory_breakdown();
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].type->name(), "test memory");
  EXPECT_EQ(uses[1].type->name(), "far memory");
  EXPECT_EQ(uses[0].n_bytes, 4u * 2 * 64);
  EXPECT_EQ(uses[1].n_bytes, 4u * 2 * 64);
}

// Everything again on a device whose rows the host cannot address, mixed with one it can.
TEST_F(RecurrentMemoryTest, WorksOnADeviceTheHostCannotAddress) {
  auto p = params(3, 3);
  p.layer_devices = {&far, &device};
  make(p);
  ASSERT_OK(extend(0, tokens({1, 2})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  ASSERT_OK(extend(1, tokens({3})));
  expect_tokens(0, tokens({1, 2}));
  expect_tokens(1, tokens({1, 2, 3}));
  const auto all = memory->state_write(std::nullopt);
  ASSERT_TRUE(all.ok());
  ASSERT_OK(memory->clear(true));
  expect_sound();
  ASSERT_OK(memory->state_read(*all, std::nullopt));
  expect_tokens(0, tokens({1, 2}));
  expect_tokens(1, tokens({1, 2, 3}));
}

TEST_F(RecurrentMemoryTest, HalfPrecisionRows) {
  for (const auto& [r, s] : {std::pair{DType::kF16, DType::kBF16}, {DType::kBF16, DType::kF32}}) {
    auto p = params(2, 2);
    p.layout = hash_layout(kLayers, r, s);
    p.type_r = r;
    p.type_s = s;
    make(p);
    ASSERT_OK(extend(0, tokens({1, 2})));
    const auto one = memory->state_write(SeqId(0));
    ASSERT_TRUE(one.ok());
    ASSERT_OK(memory->state_read(*one, SeqId(1)));
    EXPECT_EQ(*memory->state_write(SeqId(1)), *one);
    const auto t = tokens({3});
    ASSERT_OK(extend({{SeqId(0), t}, {SeqId(1), t}}));
    EXPECT_EQ(*memory->state_write(SeqId(0)), *memory->state_write(SeqId(1)));
  }
}

}  // namespace
}  // namespace eddy::test
