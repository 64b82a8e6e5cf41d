// The update log: how far a sequence can be taken back, and what that costs the others: nothing.
#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

class RewindTest : public MemoryFixture {
 protected:
  static constexpr std::uint32_t kWindow = 32;

  void make_log(std::uint32_t mem_size, std::uint32_t n_seq_max) {
    RecurrentMemoryParams p = params(mem_size, n_seq_max);
    p.n_rewind = kWindow;
    make(std::move(p));
    tensors = tensors_of(*memory, kLayers);
    memory->on_replay([this](const Replay& replay) -> Status {
      if (replay_fails) return Error{ErrorCode::kUnsupported, "no replay today"};
      n_replayed += replay.lane.n_tokens;
      for (const StateTensor& t : tensors) {
        replay_kernel(t.rows, key_of(t.layer, t.kind), replay);
      }
      return {};
    });
  }

  static std::vector<Token> first(const std::vector<Token>& all, std::size_t n) {
    return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n)};
  }
  Pos nearest(int seq) const {
    const auto found = memory->seq_pos_min(SeqId(seq));
    return found.ok() ? *found : -2;
  }
  std::uint32_t n_log_pages() const { return memory->log().n_pages_used(); }

  std::vector<StateTensor> tensors;
  bool replay_fails = false;
  std::int64_t n_replayed = 0;
};

TEST_F(RewindTest, TheWindowBeforeTheEndIsAlwaysCovered) {
  make_log(4, 1);
  for (const std::uint32_t n_ubatch : {1u, 5u, 64u}) {
    std::vector<Token> all;
    for (const std::size_t n : {1u, 30u, 1u, 1u, 60u, 3u, 64u, 1u, 100u}) {
      const auto added = some_tokens(n, static_cast<int>(all.size()));
      all.insert(all.end(), added.begin(), added.end());
      ASSERT_OK(extend({{SeqId(0), added}}, n_ubatch));
      const auto n_all = static_cast<Pos>(all.size());
      EXPECT_LE(nearest(0), std::max<Pos>(0, n_all - kWindow - 1)) << n_all << " by " << n_ubatch;
    }
    ASSERT_OK(memory->seq_rm(SeqId(0), static_cast<Pos>(all.size()) - kWindow, -1));
    expect_tokens(0, first(all, all.size() - kWindow));
    ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
  }
}

TEST_F(RewindTest, RefusalsNameTheNearestStateAndChangeNothing) {
  make_log(4, 1);
  const auto all = some_tokens(200);
  ASSERT_OK(extend({{SeqId(0), all}}, 16));
  const Pos oldest = nearest(0);
  EXPECT_EQ(oldest, 159);  // the state after 160 tokens, a multiple of the window
  const Status refused = memory->seq_rm(SeqId(0), 100, -1);
  EXPECT_CODE(refused, kOutOfWindow);
  EXPECT_NE(refused.error().message.find("159"), std::string::npos) << refused.error().message;
  EXPECT_CODE(memory->seq_rm(SeqId(0), 170, 180), kOutOfWindow);  // from the middle
  memory->on_replay({});
  EXPECT_CODE(memory->seq_rm(SeqId(0), 170, -1), kOutOfWindow);
  expect_tokens(0, all);
}

TEST_F(RewindTest, AnAnchorIsCopiedAndNotReplayed) {
  make_log(4, 1);
  const auto all = some_tokens(70);
  ASSERT_OK(extend(0, all));
  ASSERT_OK(memory->seq_rm(SeqId(0), 64, -1));
  EXPECT_EQ(n_replayed, 0);
  expect_tokens(0, first(all, 64));
  ASSERT_OK(memory->seq_rm(SeqId(0), 40, -1));
  EXPECT_EQ(n_replayed, 8);
  expect_tokens(0, first(all, 40));
}

TEST_F(RewindTest, AnchorsStandWhereTheyAreAskedFor) {
  make_log(4, 1);
  const auto prompt = some_tokens(50), draft = some_tokens(6, 300);
  ASSERT_OK(extend(0, prompt));
  ASSERT_OK(extend({{.seq = SeqId(0), .tokens = draft, .wants_anchor = true}}));
  ASSERT_OK(memory->seq_rm(SeqId(0), 53, -1));
  EXPECT_EQ(n_replayed, 3);  // from 50, not from 32
  std::vector<Token> left = prompt;
  left.insert(left.end(), draft.begin(), draft.begin() + 3);
  expect_tokens(0, left);
}

TEST_F(RewindTest, AFailedReplayLosesNoMoreThanItsOwn) {
  make_log(6, 3);
  const auto all = some_tokens(50);
  ASSERT_OK(extend(0, all));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  replay_fails = true;
  EXPECT_CODE(memory->seq_rm(SeqId(1), 40, -1), kUnsupported);
  expect_tokens(0, all);  // shared: it was made in a fresh cell
  expect_tokens(1, all);
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  EXPECT_CODE(memory->seq_rm(SeqId(0), 40, -1), kUnsupported);
  EXPECT_CODE(memory->seq_pos_max(SeqId(0)), kStateLost);  // private: it was being overwritten
}

TEST_F(RewindTest, ATailThatIsAnothersAnchorIsForgottenAsOneWhenItIsRewound) {
  make_log(6, 2);
  const auto all = some_tokens(64), more = some_tokens(6, 500);
  ASSERT_OK(extend(0, all));
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  ASSERT_OK(extend(0, more));  // from the tail of sequence 1, which is an anchor now
  ASSERT_OK(memory->seq_rm(SeqId(1), 40, -1));
  expect_tokens(1, first(all, 40));
  ASSERT_OK(memory->seq_rm(SeqId(0), 66, -1));
  std::vector<Token> left = all;
  left.insert(left.end(), more.begin(), more.begin() + 2);
  expect_tokens(0, left);
}

TEST_F(RewindTest, ATailThatIsAnothersAnchorIsNotWrittenWhileItIsOne) {
  for (const std::uint32_t mem_size : {2u, 3u, 6u}) {
    SCOPED_TRACE(mem_size);
    make_log(mem_size, 2);
    const auto all = some_tokens(64);
    std::vector<Token> zero = all, one = all;
    ASSERT_OK(extend(0, all));
    ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
    for (const int t : {500, 501, 502}) zero.emplace_back(t);
    ASSERT_OK(extend(0, tokens({500, 501, 502})));  // from the tail of sequence 1
    one.emplace_back(7);
    ASSERT_OK(extend(1, tokens({7})));
    const Status rewound = memory->seq_rm(SeqId(0), 66, -1);
    if (mem_size > 2) {
      ASSERT_OK(rewound);
      zero.pop_back();
    } else {
      EXPECT_CODE(rewound, kOutOfWindow);  // there was no cell to go on in
    }
    expect_tokens(0, zero);
    expect_tokens(1, one);
  }
}

TEST_F(RewindTest, ACheckpointIsNotEvictedWhileAStateIsMadeFromIt) {
  make_log(2, 2);
  auto all = some_tokens(64);
  ASSERT_OK(extend(0, all));
  const auto checkpoint = memory->checkpoint(SeqId(0), 1);
  ASSERT_TRUE(checkpoint.ok());
  all.insert(all.end(), {Token(500), Token(501), Token(502)});
  ASSERT_OK(extend(0, tokens({500, 501, 502})));  // from the checkpoint, which is an anchor now
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  EXPECT_CODE(memory->seq_rm(SeqId(0), 66, -1), kFull);
  EXPECT_TRUE(checkpoint->is_kept());
  expect_tokens(0, all);
  expect_tokens(1, all);
}

TEST_F(RewindTest, AnchorsMakeRoomForAnything) {
  make_log(4, 4);
  const auto all = some_tokens(100);
  ASSERT_OK(extend(0, all));
  EXPECT_EQ(memory->n_free_cells(), 3u);  // the anchors count as free
  EXPECT_LT(nearest(0), 99);
  const auto one = tokens({7});
  ASSERT_OK(extend({{SeqId(1), one}, {SeqId(2), one}, {SeqId(3), one}}));
  EXPECT_EQ(nearest(0), 99);
  for (int i = 0; i < 40; ++i) ASSERT_OK(extend(0, one));  // passes a multiple without a cell
  EXPECT_EQ(memory->n_free_cells(), 0u);
}

TEST_F(RewindTest, OnlyTailsHaveALog) {
  make_log(6, 2);
  ASSERT_OK(extend(0, some_tokens(50)));
  EXPECT_EQ(n_log_pages(), 2u);
  {
    const auto checkpoint = memory->checkpoint(SeqId(0), 1);
    ASSERT_TRUE(checkpoint.ok());
    ASSERT_OK(memory->seq_rm(SeqId(0), -1, -1));
    EXPECT_EQ(n_log_pages(), 0u);
    ASSERT_OK(memory->start(SeqId(1), *checkpoint));
    EXPECT_EQ(nearest(1), 49);
    ASSERT_OK(extend(1, some_tokens(5)));
    EXPECT_EQ(nearest(1), 49);  // where it started
  }
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));
  EXPECT_EQ(n_log_pages(), 0u);
  EXPECT_EQ(memory->n_free_cells(), 6u);
}

TEST_F(RewindTest, WithoutPagesThereIsLessToTakeBackAndNothingElse) {
  RecurrentMemoryParams p = params(6, 2);
  p.n_rewind = kWindow;
  p.n_log_bytes_max = 3 * kKvPage * kLayers * 2 * sizeof(float);  // three pages
  make(std::move(p));
  const auto all = some_tokens(150);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Token> one = {all[i]};
    ASSERT_OK(extend({{SeqId(0), one}, {SeqId(1), one}}));
    ASSERT_OK(memory->check());
  }
  expect_tokens(0, all);
  expect_tokens(1, all);
}

TEST_F(RewindTest, ImpossibleWindowsAreRefused) {
  RecurrentMemoryParams p = params(4, 1);
  p.n_rewind = 33;
  EXPECT_CODE(RecurrentMemory::create(std::move(p)), kInvalidArgument);
}

}  // namespace
}  // namespace eddy::test
