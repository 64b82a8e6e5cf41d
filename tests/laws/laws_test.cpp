// Law 1 for every architecture: a sequence's logits depend on its tokens alone, bit for bit; and
// laws 3 and 5 as far as a model can break them. Two computations that must agree are compared by
// their bits: a tolerance here would be a bug report.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/support/sanitized.h"
#include "laws/backend.h"
#include "laws/failing_ops.h"
#include "laws/harness.h"

namespace eddy::laws {
namespace {

class Laws : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(All, Laws, testing::ValuesIn(all_cases()),
                         [](const auto& info) { return name_of(info.param); });

// What a sequence of its own computes for these tokens, in one micro-batch.
Rows alone(Harness& h, const Tokens& tokens) {
  const int seq = 5;
  Rows rows = h.feed(seq, tokens);
  h.remove(seq);
  return rows;
}

TEST_P(Laws, PrefillIsDecode) {
  Harness h(GetParam());
  const Tokens tokens = make_tokens(40, 1);
  const Rows prefill = h.feed(0, tokens);
  Rows decode;
  for (const Token token : tokens) decode.push_back(h.feed(1, {token}).at(0));
  EXPECT_TRUE(same_bits(decode, prefill));
  EXPECT_EQ(h.save(1), h.save(0));
}

TEST_P(Laws, EveryCutOfAShortPrompt) {
  constexpr std::size_t kTokens = 6;
  Harness h(GetParam());
  const Tokens tokens = make_tokens(kTokens, 2);
  const Rows whole = alone(h, tokens);
  for (unsigned cuts = 0; cuts < 1U << (kTokens - 1); ++cuts) {
    Rows rows;
    for (std::size_t first = 0, last = 1; last <= kTokens; ++last) {
      if (last < kTokens && !(cuts >> (last - 1) & 1U)) continue;
      append(rows, h.feed(0, slice(tokens, first, last)));
      first = last;
    }
    EXPECT_TRUE(same_bits(rows, whole)) << "cuts " << cuts;
    h.remove(0);
  }
}

TEST_P(Laws, RandomCutsAndMicroBatches) {
  Harness h(GetParam());
  std::mt19937 random(3);
  const Tokens tokens = make_tokens(90, 3);
  const Rows whole = alone(h, tokens);
  for (int round = 0; round < 4; ++round) {
    Rows rows;
    while (rows.size() < tokens.size()) {
      const std::size_t last = std::min(tokens.size(), rows.size() + 1 + random() % 50);
      const auto n_ubatch = static_cast<std::uint32_t>(1 + random() % 40);
      append(rows, h.feed(0, slice(tokens, rows.size(), last), n_ubatch));
    }
    EXPECT_TRUE(same_bits(rows, whole)) << "round " << round;
    h.remove(0);
  }
}

TEST_P(Laws, BatchIsAlone) {
  Harness h(GetParam());
  std::mt19937 random(4);
  const std::vector<std::size_t> lengths = {1, 7, 33, 60, 2};
  std::vector<Tokens> tokens;
  std::vector<Rows> expected, rows(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    tokens.push_back(make_tokens(lengths[i], 40 + i));
    expected.push_back(alone(h, tokens[i]));
  }
  while (rows != expected) {
    std::vector<Part> parts;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::size_t left = tokens[i].size() - rows[i].size();
      const std::size_t n = std::min<std::size_t>(left, random() % 20);
      if (n > 0) {
        parts.push_back(
            {static_cast<int>(i), slice(tokens[i], rows[i].size(), rows[i].size() + n)});
      }
    }
    std::shuffle(parts.begin(), parts.end(), random);
    if (parts.empty()) continue;
    const std::vector<Rows> more =
        h.feed_batch(parts, static_cast<std::uint32_t>(1 + random() % 40));
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const auto i = static_cast<std::size_t>(parts[k].seq);
      append(rows[i], more[k]);
      ASSERT_TRUE(same_bits(rows[i], slice(expected[i], 0, rows[i].size()))) << "sequence " << i;
    }
  }
}

TEST_P(Laws, OutputsDoNotMatter) {
  Harness h(GetParam());
  const Tokens tokens = make_tokens(30, 5), more = make_tokens(9, 6);
  const Rows all = alone(h, tokens);
  const std::vector<Rows> rows =
      h.feed_batch({{.seq = 0, .tokens = tokens, .outputs = Outputs::kLast},
                    {.seq = 1, .tokens = more, .outputs = Outputs::kNone},
                    {.seq = 2, .tokens = tokens}},
                   16);
  EXPECT_TRUE(same_bits(rows[0], {all.back()}));
  EXPECT_TRUE(rows[1].empty());
  EXPECT_TRUE(same_bits(rows[2], all));
  EXPECT_EQ(h.save(0), h.save(2));
}

TEST_P(Laws, ThreadsDoNotMatter) {
  const Tokens tokens = make_tokens(45, 7);
  Harness one(GetParam());
  const Rows expected = one.feed(0, tokens, 20);
  for (int n_threads = 2; n_threads <= 4; ++n_threads) {
    Harness h(GetParam(), {.n_threads = n_threads});
    EXPECT_TRUE(same_bits(h.feed(0, tokens, 20), expected)) << n_threads << " threads";
    EXPECT_EQ(h.save(0), one.save(0)) << n_threads << " threads";
  }
}

TEST_P(Laws, InstructionSetsDoNotMatter) {
  const Tokens tokens = make_tokens(45, 8);
  Harness best(GetParam());
  const Rows expected = best.feed(0, tokens, 20);
  for (const std::string& isa : all_isas()) {
    Harness h(GetParam(), {.isa = isa});
    EXPECT_TRUE(same_bits(h.feed(0, tokens, 20), expected)) << isa;
    EXPECT_EQ(h.save(0), best.save(0)) << isa;
  }
}

TEST_P(Laws, ForkIsCopy) {
  Harness h(GetParam());
  const Tokens prompt = make_tokens(21, 9);
  h.feed(0, prompt);
  h.fork(0, 1);
  h.fork(1, 2);
  EXPECT_EQ(h.save(1), h.save(0));
  const std::vector<Part> parts = {
      {0, make_tokens(5, 10)}, {1, make_tokens(17, 11)}, {2, make_tokens(1, 12)}};
  const std::vector<Rows> rows = h.feed_batch(parts, 10);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Rows fresh = alone(h, joined(prompt, parts[i].tokens));
    EXPECT_TRUE(same_bits(rows[i], slice(fresh, prompt.size(), fresh.size()))) << "fork " << i;
  }
}

TEST_P(Laws, SavedAndRestoredIsNothingHappened) {
  Harness h(GetParam());
  const Tokens tokens = make_tokens(50, 13);
  const Rows expected = alone(h, tokens);
  h.feed(0, slice(tokens, 0, 23));
  const Bytes bytes = h.save(0);
  h.remove(0);
  h.feed(1, make_tokens(3, 14));  // the cell belongs to somebody else now
  h.restore(2, bytes);
  EXPECT_EQ(h.save(2), bytes);
  EXPECT_TRUE(same_bits(h.feed(2, slice(tokens, 23, 50)), slice(expected, 23, 50)));

  Harness other(GetParam());  // as after a restart of the process
  other.feed(0, make_tokens(3, 14));
  other.restore(1, bytes);
  EXPECT_TRUE(same_bits(other.feed(1, slice(tokens, 23, 50)), slice(expected, 23, 50)));
}

TEST_P(Laws, CheckpointIsCopy) {
  Harness h(GetParam());
  const Tokens prompt = make_tokens(12, 15), a = make_tokens(8, 16), b = make_tokens(8, 17);
  h.feed(0, prompt);
  const Checkpoint checkpoint = h.checkpoint(0);
  h.feed(0, a);
  h.start(1, checkpoint);
  const Rows rows = h.feed(1, b);
  EXPECT_TRUE(same_bits(rows, slice(alone(h, joined(prompt, b)), 12, 20)));
}

// With and without an update log: it changes no bit of what is computed.
TEST_P(Laws, TheLogChangesNothing) {
  const Tokens tokens = make_tokens(90, 30);
  Harness with(GetParam()), without(GetParam(), {.n_rewind = 0});
  EXPECT_TRUE(same_bits(with.feed(0, tokens), without.feed(0, tokens)));
  EXPECT_EQ(with.save(0), without.save(0));
}

TEST_P(Laws, RewoundIsNeverSeen) {
  Harness h(GetParam());
  const Tokens tokens = make_tokens(80, 31);
  const Rows whole = alone(h, tokens);
  for (const std::uint32_t n_ubatch : {96u, 17u}) {
    h.feed(0, tokens, n_ubatch);
    const std::int64_t shortest = h.shortest(0);
    EXPECT_LE(shortest, 80 - 32) << "n_ubatch " << n_ubatch;
    for (const std::int64_t n : {79L, 70L, 65L, 64L, 50L, std::max(shortest, 1L)}) {
      SCOPED_TRACE(testing::Message() << "n_ubatch " << n_ubatch << ", back to " << n);
      h.rewind(0, n);
      ASSERT_EQ(h.length(0), n);
      const auto kept = static_cast<std::size_t>(n);
      h.fork(0, 1);
      EXPECT_TRUE(same_bits(h.feed(1, slice(tokens, kept, 80), 7), slice(whole, kept, 80)));
      h.remove(1);
    }
    h.remove(0);
  }
}

// Random histories of several sequences: fed together, forked, rewound time and again; now and then
// what they would compute is compared with a sequence that never saw what was taken back.
TEST_P(Laws, RandomRewindsAndForks) {
  constexpr int kSequences = 4, kRounds = test::kIsSanitized ? 32 : 48;
  Harness h(GetParam(), {.mem_size = 11});
  std::mt19937 random(33);
  std::vector<Tokens> histories(kSequences);
  std::uint64_t seed = 1000;
  int n_rewinds = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    const int seq = static_cast<int>(random() % kSequences);
    Tokens& history = histories[static_cast<std::size_t>(seq)];
    switch (random() % 4) {
      case 0: {
        const int to = static_cast<int>(random() % kSequences);
        if (history.empty() || to == seq) break;
        h.fork(seq, to);
        histories[static_cast<std::size_t>(to)] = history;
        break;
      }
      case 1: {
        if (history.empty()) break;
        const auto n = static_cast<std::int64_t>(random() % history.size());
        if (n == 0 || !h.try_rewind(seq, n)) break;
        history.resize(static_cast<std::size_t>(n));
        ++n_rewinds;
        break;
      }
      default: {
        std::vector<Part> parts;
        for (int i = 0; i < kSequences; ++i) {
          if (i != seq && random() % 2 == 0) continue;
          parts.push_back({i, make_tokens(1 + random() % 40, ++seed)});
          Tokens& grown = histories[static_cast<std::size_t>(i)];
          grown = joined(grown, parts.back().tokens);
        }
        h.feed_batch(parts, static_cast<std::uint32_t>(1 + random() % 60));
      }
    }
    if (round % 8 != 7 || history.empty()) continue;
    const Tokens probe = make_tokens(3, 34);
    h.fork(seq, 4);
    const Rows rows = h.feed(4, probe);
    h.remove(4);
    Harness fresh(GetParam(), {.mem_size = 1, .n_rewind = 0});
    fresh.feed(0, history);
    ASSERT_TRUE(same_bits(rows, fresh.feed(0, probe)));
  }
  EXPECT_GE(n_rewinds, kRounds / 16);
}

TEST_P(Laws, UsedCellShowsNothing) {
  const Tokens tokens = make_tokens(30, 18);
  Harness fresh(GetParam());
  const Rows expected = fresh.feed(0, tokens);
  Harness h(GetParam(), {.mem_size = 1, .n_seq_max = 6});
  h.feed(1, make_tokens(40, 19));
  h.remove(1);
  EXPECT_TRUE(same_bits(h.feed(0, tokens), expected));
  h.remove(0);
  h.poison_free_rows();
  EXPECT_TRUE(same_bits(h.feed(2, tokens, 7), expected)) << "after NaN";
}

TEST_P(Laws, NeighboursAreNotRead) {
  const Tokens tokens = make_tokens(30, 20);
  Harness fresh(GetParam());
  const Rows expected = fresh.feed(0, tokens);
  Harness h(GetParam());
  Rows rows = h.feed(3, slice(tokens, 0, 11));
  h.poison_free_rows();
  append(rows, h.feed(3, slice(tokens, 11, 30), 6));
  EXPECT_TRUE(same_bits(rows, expected));
}

// After a failure: a sequence that lost its state says so and is computed anew; any other goes on
// where it stands. The logits are those of an undisturbed run.
void expect_as_if_nothing_happened(Harness& h, const Part& part, const Rows& expected) {
  if (h.is_lost(part.seq)) h.remove(part.seq);
  const auto n_done = static_cast<std::size_t>(h.length(part.seq));
  ASSERT_LE(n_done, part.tokens.size());
  const Tokens left = slice(part.tokens, n_done, part.tokens.size());
  if (left.empty()) return;
  EXPECT_TRUE(same_bits(h.feed(part.seq, left), slice(expected, n_done, expected.size())))
      << "sequence " << part.seq << " from token " << n_done;
}

// Three sequences in mid-run (one of them new, two sharing a cell), and one that is not in the
// batch.
struct MidRun {
  std::vector<Part> history = {{0, make_tokens(9, 21)}, {1, make_tokens(4, 22)}, {2, {}}};
  std::vector<Part> next = {
      {0, make_tokens(15, 23)}, {1, make_tokens(3, 24)}, {2, make_tokens(9, 25)}};
  std::vector<Part> whole;
  std::vector<Rows> expected;
  Bytes bystander;

  explicit MidRun(Harness& h) {
    for (std::size_t i = 0; i < history.size(); ++i) {
      whole.push_back({history[i].seq, joined(history[i].tokens, next[i].tokens)});
      expected.push_back(alone(h, whole[i].tokens));
    }
    start(h);
    bystander = h.save(3);
  }

  void start(Harness& h) const {
    h.feed(0, history[0].tokens);
    h.feed(1, history[1].tokens);
    h.fork(1, 3);
  }

  void expect_restorable(Harness& h) const {
    EXPECT_EQ(h.save(3), bystander);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      expect_as_if_nothing_happened(h, whole[i], expected[i]);
    }
    EXPECT_EQ(h.save(3), bystander);
    for (int seq = 0; seq < 4; ++seq) h.remove(seq);
  }
};

TEST_P(Laws, CancelledIsNeverHappened) {
  constexpr std::uint32_t kUBatch = 10;
  Harness h(GetParam());
  const MidRun run(h);
  for (int fail_at = 0;; ++fail_at) {
    SCOPED_TRACE(testing::Message() << "micro-batch " << fail_at);
    const bool failed = h.feed_and_fail(run.next, kUBatch, fail_at);
    run.expect_restorable(h);
    if (!failed) {
      EXPECT_GE(fail_at, 3);  // the batch has that many micro-batches
      return;
    }
    run.start(h);
  }
}

// Every op of the pass in F32; where types differ, which change nothing of what is undone, some.
TEST_P(Laws, FailedOpIsNeverHappened) {
  constexpr std::uint32_t kUBatch = 20;
  const bool is_plain = GetParam().weights == DType::kF32 && GetParam().state == DType::kF32;
  const int step = is_plain ? 1 : 13;
  Harness h(GetParam());
  const MidRun run(h);
  for (int fail_at = 0;; fail_at += step) {
    SCOPED_TRACE(testing::Message() << "op " << fail_at);
    FailingOps ops(h.ops(), fail_at);
    const Status status = h.try_feed_batch(ops, run.next, kUBatch);
    if (!status.ok()) {
      EXPECT_EQ(status.error().message, FailingOps::kMessage);
    }
    run.expect_restorable(h);
    if (status.ok()) {
      EXPECT_GE(fail_at, 2 * 2 * 4);  // two micro-batches, two layers, four ops
      return;
    }
    run.start(h);
  }
}

}  // namespace
}  // namespace eddy::laws
