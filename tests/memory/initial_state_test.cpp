// States before the first token: they are given as rows, held like any other, and whatever begins
// there never begins with zeros.
#include <limits>

#include "support/hybrid_fixture.h"

namespace eddy::test {
namespace {

constexpr std::uint64_t kBase = 0x0123456789abcdef;

class InitialStateTest : public HybridFixture {
 protected:
  void make_log(std::uint32_t mem_size, std::uint32_t n_seq_max) {
    RecurrentMemoryParams p = params(mem_size, n_seq_max);
    p.n_rewind = 32;
    make(std::move(p));
    memory->on_replay([this](const Replay& replay) -> Status {
      for (const StateTensor& t : tensors_of_r()) {
        replay_kernel(t.rows, key_of(t.layer, t.kind), replay);
      }
      return {};
    });
    replayed_ = tensors_of(*memory, n_layers);
  }

  // S begins with zeros, where the fake model has no hash: R alone is looked at.
  std::vector<StateTensor> tensors_of_r() const {
    auto tensors = replayed_;
    std::erase_if(tensors, [](const StateTensor& t) { return t.kind != StateKind::kR; });
    return tensors;
  }

  static std::vector<float> row_of(std::uint64_t hash) {
    std::vector<float> row(n_hash_elems(DType::kF32));
    put_hash(hash, DType::kF32, std::as_writable_bytes(std::span(row)));
    return row;
  }
  std::vector<std::vector<float>> rows() const {
    std::vector<std::vector<float>> r(n_layers);
    for (std::size_t i = 0; i < r.size(); ++i) {
      if (i < n_recurrent) {
        r[i] = row_of(kBase ^ key_of(LayerId(static_cast<std::int32_t>(i)), StateKind::kR));
      }
    }
    return r;
  }

  // Every R of the sequence has seen the initial state and these tokens.
  void expect_begun(int seq, const std::vector<Token>& all) {
    ASSERT_EQ(pos(seq), static_cast<Pos>(all.size()) - 1);
    ASSERT_EQ(memory->ledger()[SeqId(seq)].status, SeqStatus::kLive);
    for (const StateTensor& t : tensors_of(*memory, n_layers)) {
      if (t.kind != StateKind::kR) continue;
      EXPECT_EQ(read_hash(t.rows, memory->ledger()[SeqId(seq)].tail.value),
                fold(kBase, all) ^ key_of(t.layer, t.kind))
          << "sequence " << seq << ", layer " << t.layer.value;
    }
    EXPECT_OK(memory->check());
  }

  std::size_t n_recurrent = kLayers;
  std::vector<StateTensor> replayed_;
};

TEST_F(InitialStateTest, SequencesBeginThereAndGoOnAsOthersDo) {
  make_log(6, 4);
  const auto bytes = memory->initial_state(rows());
  ASSERT_TRUE(bytes.ok()) << bytes.error().message;
  ASSERT_OK(memory->state_read(*bytes, SeqId(0)));
  expect_begun(0, {});
  EXPECT_EQ(*memory->state_write(SeqId(0)), *bytes);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  const auto a = read(0, 5, 1), b = read(1, 70, 100);
  expect_begun(0, a);
  expect_begun(1, b);
  const auto kept = memory->checkpoint(SeqId(0), 1);
  ASSERT_OK(memory->start(SeqId(2), *kept));
  expect_begun(2, a + read(2, 3, 7));
  ASSERT_OK(memory->seq_rm(SeqId(1), -1, -1));  // empty is empty: what was given does not stay
  EXPECT_EQ(memory->ledger()[SeqId(1)].status, SeqStatus::kEmpty);
  expect_tokens(1, read(1, 4, 1));
}

TEST_F(InitialStateTest, ARewindGoesBackToItAndNotToZeros) {
  for (const std::uint32_t mem_size : {1U, 2U, 5U}) {
    make_log(mem_size, 1);
    ASSERT_OK(memory->state_read(*memory->initial_state(rows()), SeqId(0)));
    const auto a = read(0, 20, 1);
    const Status removed = memory->seq_rm(SeqId(0), 3, -1);
    EXPECT_EQ(removed.ok(), mem_size > 1) << "the initial state needs a cell";
    if (removed) expect_begun(0, {a.begin(), a.begin() + 3});
  }
}

TEST_F(InitialStateTest, AFailedComputationGivesItBackOrLosesIt) {
  make_log(5, 2);
  ASSERT_OK(memory->state_read(*memory->initial_state(rows()), SeqId(0)));
  const auto a = some_tokens(9, 1);
  EXPECT_FALSE(extend({{.seq = SeqId(0), .tokens = a}}, kUBatchMax, 0).ok());
  expect_begun(0, {});  // the cell stayed, as an anchor to be
  make(1, 1);
  ASSERT_OK(memory->state_read(*memory->initial_state(rows()), SeqId(0)));
  EXPECT_FALSE(extend({{.seq = SeqId(0), .tokens = a}}, kUBatchMax, 0).ok());
  EXPECT_CODE(memory->seq_pos_max(SeqId(0)), kStateLost);
}

TEST_F(InitialStateTest, APageOfAHybridIsTakenByItsFirstToken) {
  n_recurrent = 1;
  make(hybrid(4, 20));
  ASSERT_OK(memory->state_read(*memory->initial_state(rows()), SeqId(0)));
  EXPECT_EQ(n_free(), 20U);
  ASSERT_OK(memory->seq_cp(SeqId(0), SeqId(1), -1, -1));
  expect_begun(0, read(0, 70, 1));
  expect_begun(1, read(1, 2, 50));
  const auto all = *memory->state_write(std::nullopt);
  ASSERT_OK(memory->state_read(all, std::nullopt));
  EXPECT_EQ(*memory->state_write(std::nullopt), all);
}

TEST_F(InitialStateTest, WhatDoesNotFitIsRefused) {
  make(2, 2);
  auto r = rows();
  r.pop_back();
  EXPECT_CODE(memory->initial_state(r), kInvalidArgument);
  r = rows();
  r.push_back(r[0]);
  EXPECT_CODE(memory->initial_state(r), kInvalidArgument);
  r = rows();
  r[1].push_back(0);
  EXPECT_CODE(memory->initial_state(r), kInvalidArgument);
  r = rows();
  r[1][2] = std::numeric_limits<float>::infinity();
  EXPECT_CODE(memory->initial_state(r), kNonFinite);
  RecurrentMemoryParams p = params(2, 2);
  p.type_r = DType::kF16;
  make(std::move(p));
  r[1][2] = 1e6F;
  EXPECT_CODE(memory->initial_state(r), kNonFinite);
  r[1][2] = 1e4F;
  EXPECT_OK(memory->initial_state(r));
}

}  // namespace
}  // namespace eddy::test
