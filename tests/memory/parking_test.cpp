// Parking: states of idle sequences that go to the owner of the memory.
#include <limits>
#include <map>

#include "memory/checkpoint.h"
#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

using ParkingTest = MemoryFixture;

TEST_F(ParkingTest, IdleSequencesStayWithoutTheOwnersLeave) {
  make(1, 2);
  ASSERT_OK(extend(0, tokens({1})));
  EXPECT_CODE(extend(1, tokens({2})), kFull);
  memory->on_park([](const ParkRequest&) { return false; });
  EXPECT_CODE(extend(1, tokens({2})), kFull);
  expect_tokens(0, tokens({1}));
  EXPECT_FALSE(memory->is_parked(SeqId(0)));
}

TEST_F(ParkingTest, ParkedIsNotLost) {
  make(2, 3);
  std::vector<std::byte> stored;
  std::vector<SeqId> who;
  memory->on_park([&](const ParkRequest& request) {
    stored.assign(request.state.begin(), request.state.end());
    who.assign(request.seqs.begin(), request.seqs.end());
    EXPECT_EQ(request.pos, 1);
    return true;
  });
  ASSERT_OK(extend(0, tokens({1, 2})));
  ASSERT_OK(extend(1, tokens({3})));
  ASSERT_OK(extend(2, tokens({4})));  // 0 has not been used for longest
  EXPECT_EQ(who, std::vector{SeqId(0)});
  EXPECT_TRUE(memory->is_parked(SeqId(0)));
  EXPECT_CODE(extend(0, tokens({5})), kStateLost);
  EXPECT_CODE(memory->seq_pos_max(SeqId(0)), kStateLost);
  expect_tokens(1, tokens({3}));
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  const auto bytes = stored;
  ASSERT_OK(memory->state_read(bytes, SeqId(0)));
  EXPECT_FALSE(memory->is_parked(SeqId(0)));
  expect_tokens(0, tokens({1, 2}));
}

TEST_F(ParkingTest, CheckpointsGoBeforeIdleSequences) {
  make(2, 2);
  int n_asked = 0;
  memory->on_park([&](const ParkRequest&) { return ++n_asked > 0; });
  ASSERT_OK(extend(0, tokens({1})));
  auto dear = memory->checkpoint(SeqId(0), 1e9);
  ASSERT_TRUE(dear.ok() && memory->seq_rm(SeqId(0), -1, -1).ok());
  ASSERT_OK(extend(0, tokens({2})));
  ASSERT_OK(extend(1, tokens({3})));
  EXPECT_EQ(n_asked, 0);
  EXPECT_FALSE(dear->is_kept());
}

TEST_F(ParkingTest, SharersAreParkedTogether) {
  make(1, 3);
  std::vector<SeqId> who;
  memory->on_park([&](const ParkRequest& request) {
    who.assign(request.seqs.begin(), request.seqs.end());
    return true;
  });
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  ASSERT_OK(extend(2, tokens({2})));
  EXPECT_EQ(who.size(), 2u);
  EXPECT_TRUE(memory->is_parked(SeqId(0)) && memory->is_parked(SeqId(1)));
}

// One that is at work cannot leave its cell where there is no other: those that share it can.
TEST_F(ParkingTest, IdleSharersOfACellAtWorkAreParked) {
  make(2, 4);
  std::vector<SeqId> who;
  std::vector<std::byte> stored;
  bool may = false;
  memory->on_park([&](const ParkRequest& request) {
    who.assign(request.seqs.begin(), request.seqs.end());
    stored.assign(request.state.begin(), request.state.end());
    return may;
  });
  const auto t = tokens({2});
  ASSERT_OK(extend(0, tokens({1})));
  for (const int sharer : {1, 2, 3}) ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(sharer), -1, -1));
  ASSERT_OK(extend(3, tokens({9})));
  EXPECT_CODE(extend({{SeqId(0), t}, {SeqId(3), t}}), kFull);
  EXPECT_EQ(who, (std::vector{SeqId(2), SeqId(1)}));
  for (const int sharer : {0, 1, 2}) expect_tokens(sharer, tokens({1}));
  may = true;
  ASSERT_OK(extend({{SeqId(0), t}, {SeqId(3), t}}));
  EXPECT_TRUE(memory->is_parked(SeqId(1)) && memory->is_parked(SeqId(2)));
  expect_tokens(0, tokens({1, 2}));
  expect_tokens(3, tokens({1, 9, 2}));
  ASSERT_OK(memory->seq_rm(SeqId(3), -1, -1));
  ASSERT_OK(memory->state_read(stored, SeqId(1)));
  expect_tokens(1, tokens({1}));
}

// At once both read it; one after the other, the second has it for itself.
TEST_F(ParkingTest, OfTwoAtWorkInOneCellOneStays) {
  make(2, 3);
  memory->on_park([](const ParkRequest&) { return true; });
  const auto t = tokens({2}), u = tokens({3});
  ASSERT_OK(extend(0, tokens({1})));
  for (const int sharer : {1, 2}) ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(sharer), -1, -1));
  EXPECT_CODE(extend({{SeqId(0), t}, {SeqId(1), u}}), kFull);
  EXPECT_FALSE(memory->is_parked(SeqId(2)));
  ASSERT_OK(extend({{SeqId(0), t}, {SeqId(1), u}}, 1));
  EXPECT_TRUE(memory->is_parked(SeqId(2)));
  expect_tokens(0, tokens({1, 2}));
  expect_tokens(1, tokens({1, 3}));
}

TEST_F(ParkingTest, ARefusalIsFollowedByTheNextAndTheBatchIsNeverParked) {
  make(3, 4);
  std::vector<int> asked;
  memory->on_park([&](const ParkRequest& request) {
    asked.push_back(request.seqs[0].value);
    return request.seqs[0] != SeqId(0);
  });
  for (int i = 0; i < 3; ++i) ASSERT_OK(extend(i, tokens({i})));
  const auto t = tokens({9});
  ASSERT_OK(extend({{SeqId(1), t}, {SeqId(3), t}}));
  EXPECT_EQ(asked, (std::vector{0, 2}));
  expect_tokens(0, tokens({0}));
  expect_tokens(1, tokens({1, 9}));
  EXPECT_TRUE(memory->is_parked(SeqId(2)));
}

TEST_F(ParkingTest, AcceptedCopiesAreJustCopiesWhenTheBatchFailsAfterAll) {
  make(2, 4);
  int n_accepted = 0;
  memory->on_park([&](const ParkRequest&) { return n_accepted++ == 0; });
  ASSERT_OK(extend(0, tokens({1})));
  ASSERT_OK(extend(1, tokens({2})));
  const auto t = tokens({9});
  EXPECT_CODE(extend({{SeqId(2), t}, {SeqId(3), t}}), kFull);
  EXPECT_EQ(n_accepted, 2);
  expect_tokens(0, tokens({1}));
  expect_tokens(1, tokens({2}));
}

TEST_F(ParkingTest, TheOwnerCannotChangeTheMemoryWhileItIsAsked) {
  make(1, 2);
  ASSERT_OK(extend(0, tokens({1})));
  memory->on_park([&](const ParkRequest&) {
    EXPECT_FALSE(memory->seq_rm(SeqId(0), -1, -1).ok());
    return false;
  });
  EXPECT_CODE(extend(1, tokens({2})), kFull);
  ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
}

TEST_F(ParkingTest, AStateThatIsNotFiniteIsNotParked) {
  make(1, 2);
  int n_asked = 0;
  memory->on_park([&](const ParkRequest&) { return ++n_asked > 0; });
  const auto t = tokens({1});
  {
    const std::vector<BatchPart> batch = {{SeqId(0), t}};
    auto context = memory->init_batch(batch, 1);
    ASSERT_TRUE(context.ok() && context->apply().ok());
    run_model(*context, kLayers);
    const StateRows rows = context->get_s_l(LayerId(1));
    const float bad = std::numeric_limits<float>::infinity();
    rows.buffer->write(rows.offset, std::as_bytes(std::span(&bad, 1)));
    context->next();
  }
  EXPECT_CODE(extend(1, t), kFull);
  EXPECT_EQ(n_asked, 0);
}

// --- Parking by name ----------------------------------------------------------------------------

TEST_F(ParkingTest, ParkFreesTheCellOfAllThatShareIt) {
  make(2, 3);
  std::map<SeqId, std::vector<std::byte>> stored;
  int n_asked = 0;
  memory->on_park([&](const ParkRequest& request) {
    ++n_asked;
    for (const SeqId seq : request.seqs)
      stored[seq].assign(request.state.begin(), request.state.end());
    return true;
  });
  ASSERT_OK(extend(0, tokens({1, 2})));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  ASSERT_OK(extend(2, tokens({3})));
  ASSERT_OK(memory->park(SeqId(1)));
  EXPECT_TRUE(memory->is_parked(SeqId(0)) && memory->is_parked(SeqId(1)));
  EXPECT_EQ(memory->n_free_cells(), 1u);
  expect_tokens(2, tokens({3}));
  ASSERT_OK(memory->park(SeqId(0)));  // they are already
  EXPECT_EQ(n_asked, 1);
  ASSERT_OK(memory->state_read(stored[SeqId(0)], SeqId(0)));
  expect_tokens(0, tokens({1, 2}));
  EXPECT_TRUE(memory->is_parked(SeqId(1)));
  ASSERT_OK(memory->check_free_rows());
}

TEST_F(ParkingTest, ParkLeavesTheCellToItsCheckpoint) {
  make(2, 2);
  memory->on_park([](const ParkRequest&) { return true; });
  ASSERT_OK(extend(0, tokens({1})));
  auto checkpoint = memory->checkpoint(SeqId(0), 1);
  ASSERT_TRUE(checkpoint.ok());
  ASSERT_OK(memory->park(SeqId(0)));
  EXPECT_TRUE(checkpoint->is_kept());
  EXPECT_EQ(memory->n_free_cells(), 1u);
  ASSERT_OK(memory->start(SeqId(1), *checkpoint));
  expect_tokens(1, tokens({1}));
}

TEST_F(ParkingTest, ParkSaysWhyItCannot) {
  make(1, 2);
  ASSERT_OK(extend(0, tokens({1})));
  EXPECT_CODE(memory->park(SeqId(0)), kUnsupported);
  EXPECT_CODE(memory->park(SeqId(7)), kInvalidArgument);
  memory->on_park([&](const ParkRequest&) {
    EXPECT_FALSE(memory->park(SeqId(0)).ok());
    return false;
  });
  ASSERT_OK(memory->park(SeqId(1)));  // empty
  EXPECT_FALSE(memory->is_parked(SeqId(1)));
  EXPECT_CODE(memory->park(SeqId(0)), kFull);
  expect_tokens(0, tokens({1}));
}

}  // namespace
}  // namespace eddy::test
