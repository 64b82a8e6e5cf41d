#include "memory/batch_cutter.h"

#include <gtest/gtest.h>

#include <random>

#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

struct Piece {
  int seq;
  int first_token;
  int n_tokens;
  bool operator==(const Piece&) const = default;
};

std::vector<Piece> pieces(const UBatch& ubatch) {
  std::vector<Piece> out;
  for (const UBatchPart& p : ubatch.parts) {
    out.push_back({p.seq.value, p.first_token, p.n_tokens});
  }
  return out;
}

TEST(BatchCutter, LaysPartsOneAfterAnotherAndCutsEveryNUBatch) {
  const auto a = some_tokens(3, 10), b = some_tokens(4, 20), c = some_tokens(1, 30);
  const std::vector<BatchPart> batch = {{SeqId(7), a}, {SeqId(0), b}, {SeqId(3), c}};
  BatchCutter cutter(8, 16);
  cutter.start(batch, 5);
  EXPECT_EQ(pieces(cutter.ubatch()), (std::vector<Piece>{{7, 0, 3}, {0, 3, 2}}));
  EXPECT_TRUE(cutter.next());
  EXPECT_EQ(pieces(cutter.ubatch()), (std::vector<Piece>{{0, 0, 2}, {3, 2, 1}}));
  EXPECT_EQ(cutter.ubatch().tokens[0], b[2]);
  EXPECT_FALSE(cutter.next());
  EXPECT_TRUE(cutter.ubatch().tokens.empty());
}

// D2: one decode step of any sequences, in any order, is one micro-batch.
TEST(BatchCutter, OneTokenEachIsOneMicroBatchForAnyIds) {
  const auto t = some_tokens(1);
  BatchCutter cutter(16, 16);
  for (const auto& ids : {std::vector{0, 2, 4, 6, 8, 10, 12, 14}, {7, 6, 5, 4, 3, 2, 1, 0}}) {
    std::vector<BatchPart> batch;
    for (const int id : ids) batch.push_back({SeqId(id), t});
    cutter.start(batch, 16);
    EXPECT_EQ(cutter.ubatch().parts.size(), ids.size());
    EXPECT_FALSE(cutter.next());
  }
}

TEST(BatchCutter, WantsOutputsWhereAsked) {
  const auto a = some_tokens(3), b = some_tokens(3), c = some_tokens(3);
  const std::vector<BatchPart> batch = {
      {SeqId(0), a, Outputs::kNone}, {SeqId(1), b, Outputs::kLast}, {SeqId(2), c, Outputs::kAll}};
  BatchCutter cutter(4, 16);
  cutter.start(batch, 5);
  EXPECT_TRUE(cutter.ubatch().outputs.empty());  // two tokens of b: its last is in the next
  EXPECT_TRUE(cutter.next());
  EXPECT_EQ(std::vector<int>(cutter.ubatch().outputs.begin(), cutter.ubatch().outputs.end()),
            (std::vector{0, 1, 2, 3}));
}

TEST(BatchCutter, KeepsTheParts) {
  const auto a = some_tokens(4);
  std::vector<BatchPart> batch = {{SeqId(1), a}};
  BatchCutter cutter(4, 16);
  cutter.start(batch, 2);
  batch.clear();
  batch.shrink_to_fit();
  EXPECT_TRUE(cutter.next());
  EXPECT_EQ(pieces(cutter.ubatch()), (std::vector<Piece>{{1, 0, 2}}));
}

TEST(BatchCutter, WorstCaseFillsItsLanes) {
  BatchCutter cutter(5, 13);
  cutter.show_worst_case(5, 13);
  EXPECT_EQ(cutter.ubatch().tokens.size(), 13u);
  int n = 0;
  for (const UBatchPart& part : cutter.ubatch().parts) {
    EXPECT_EQ(part.first_token, n);
    EXPECT_GE(part.n_tokens, 2);
    n += part.n_tokens;
  }
  EXPECT_EQ(n, 13);
  cutter.reset();
  EXPECT_TRUE(cutter.ubatch().parts.empty());
}

// D9 and the rest: every cut of every batch has all tokens in order, and no more than n_ubatch.
TEST(BatchCutter, LosesAndInventsNothing) {
  std::mt19937 random(1);
  BatchCutter cutter(8, 32);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::vector<Token>> tokens(1 + random() % 8);
    std::vector<BatchPart> batch;
    std::size_t n_tokens = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = some_tokens(1 + random() % 40, static_cast<int>(i) * 1000);
      batch.push_back({SeqId(static_cast<int>(i)), tokens[i]});
      n_tokens += tokens[i].size();
    }
    const auto n_ubatch = static_cast<std::uint32_t>(1 + random() % 32);
    std::vector<std::vector<Token>> found(tokens.size());
    std::size_t n_ubatches = 0;
    cutter.start(batch, n_ubatch);
    do {
      const UBatch& ubatch = cutter.ubatch();
      ++n_ubatches;
      ASSERT_LE(ubatch.tokens.size(), n_ubatch);
      std::size_t n_in_parts = 0;
      for (const UBatchPart& p : ubatch.parts) {
        ASSERT_EQ(static_cast<std::size_t>(p.first_token), n_in_parts);
        ASSERT_GE(p.n_tokens, 1);
        n_in_parts += static_cast<std::size_t>(p.n_tokens);
        const auto cut = ubatch.tokens.subspan(static_cast<std::size_t>(p.first_token),
                                               static_cast<std::size_t>(p.n_tokens));
        auto& all = found[static_cast<std::size_t>(p.part)];
        all.insert(all.end(), cut.begin(), cut.end());
      }
      ASSERT_EQ(n_in_parts, ubatch.tokens.size());
    } while (cutter.next());
    ASSERT_EQ(n_ubatches, (n_tokens + n_ubatch - 1) / n_ubatch);
    ASSERT_EQ(found, tokens);
  }
}

}  // namespace
}  // namespace eddy::test
