// Prompts that begin like earlier ones are restored, and no bit of an answer tells.
#include <gtest/gtest.h>

#include <cmath>

#include "base/support/sanitized.h"
#include "eddy/engine.h"
#include "engine/model_file.h"
#include "engine/session_summary.h"
#include "make_model/architectures.h"

namespace eddy {
namespace {

using Tokens = std::vector<Token>;

Tokens joined(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Cache : public testing::Test {
 protected:
  Engine open(std::uint64_t n_bytes = 64 << 20, std::uint32_t n_ubatch = 64) {
    auto engine = Engine::open(file_.path(), {.n_threads = 1,
                                              .n_seq_max = 3,
                                              .prefix_cache_bytes = n_bytes,
                                              .n_batch = 128,
                                              .n_ubatch = n_ubatch});
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  // A session that has read a prompt, and what became of it; its answer is that of an engine
  // without a cache.
  PromptReport read(Engine& engine, const Tokens& prompt) {
    Session session = std::move(*engine.new_session()), plain = std::move(*plain_.new_session());
    EXPECT_TRUE(session.feed(prompt).ok() && plain.feed(prompt).ok());
    const PromptReport report = session.last_prompt();
    EXPECT_EQ(report.n_tokens, static_cast<Pos>(prompt.size()) - 1);
    EXPECT_LE(report.n_restored, report.n_known);
    EXPECT_LE(report.n_known, report.n_tokens);
    EXPECT_LE(report.n_refused + report.n_evicted,
              report.n_known - std::max(report.n_own, report.n_restored));
    EXPECT_EQ(report.tier != PromptReport::Tier::kNone, report.n_restored > 0);
    const auto a = session.save(), b = plain.save();
    EXPECT_TRUE(a.ok() && b.ok() && *a == *b) << "states differ";
    EXPECT_TRUE(session.generate({.max_tokens = 8}) && plain.generate({.max_tokens = 8}));
    EXPECT_TRUE(std::ranges::equal(session.tokens(), plain.tokens())) << "answers differ";
    return report;
  }

  ModelFile file_;
  Engine plain_ = open(0);
};

TEST_F(Cache, AnExactRepeatReadsNothing) {
  Engine engine = open();
  const Tokens prompt = made_up(400, 1);
  EXPECT_EQ(read(engine, prompt).n_restored, 0);
  EXPECT_EQ(read(engine, prompt).n_restored, 399);
  const CacheStats stats = engine.cache_stats();
  EXPECT_EQ(stats.n_prompts, 2U);
  EXPECT_EQ(stats.n_hits, 1U);
  EXPECT_EQ(stats.n_restored, 399);
  EXPECT_LE(stats.n_bytes, stats.n_bytes_max);
  const CacheKinds& kinds = stats.kinds;
  EXPECT_EQ(kinds.n_prompts, 1U);
  EXPECT_EQ(kinds.n_prompts + kinds.n_answers + kinds.n_turns + kinds.n_partings + kinds.n_rungs,
            stats.n_states);
  EXPECT_GT(kinds.n_rungs, 0U);
}

// The second request of an engine. After many edits of one prompt its limit of states may cost the
// bound, and which states go depends on measured times: there only the answers must be right.
TEST_F(Cache, ALateChangeReadsNoMoreThanTheBound) {
  Engine edited = open();
  const Tokens prompt = made_up(1000, 2);
  read(edited, prompt);
  std::vector<std::size_t> changes = {1, 10, 60, 200, 500, 900};
  if (test::kIsSanitized) changes = {10, 500};
  for (const std::size_t n_changed : changes) {
    const std::size_t n_same = prompt.size() - n_changed;
    Tokens changed(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(n_same));
    changed = joined(changed, made_up(n_changed, 100 + n_changed));
    changed[n_same] = Token((prompt[n_same].value + 1) % 250);
    EXPECT_EQ(read(edited, changed).n_known, static_cast<Pos>(n_same)) << n_changed;
    Engine engine = open();
    read(engine, prompt);
    const PromptReport report = read(engine, changed);
    EXPECT_EQ(report.n_known, static_cast<Pos>(n_same)) << n_changed;
    const Pos n_again = report.n_known - report.n_restored;
    const bool is_near = n_changed <= 200;  // within the reach of the prompt's ladder
    EXPECT_LE(n_again, is_near ? 64 : 250) << n_changed;
  }
}

// Prompts that were empty, and of which an answer came to nothing: states are stored none the less.
TEST_F(Cache, MarksAtOnePlaceAreOne) {
  Engine engine = open();
  Session session = std::move(*engine.new_session());
  const Tokens prompt = made_up(200, 32);
  ASSERT_TRUE(session.feed(prompt).ok());
  for (int i = 0; i < 3; ++i) {
    session.mark_turn();
    session.mark_turn(TurnKind::kAnswer);
  }
  const std::uint64_t n_before = engine.cache_stats().n_states;
  ASSERT_TRUE(session.feed(made_up(200, 33)).ok());
  EXPECT_GT(engine.cache_stats().n_states, n_before + 1);
}

// Known, though no state is worth its bytes there.
TEST_F(Cache, AShortPromptThatIsReadAgainIsKnown) {
  Engine engine = open();
  const Tokens prompt = made_up(17, 30);
  EXPECT_EQ(read(engine, prompt).n_known, 0);
  const PromptReport report = read(engine, prompt);
  EXPECT_EQ(report.n_known, 16);
  EXPECT_EQ(report.n_restored, 0);
}

TEST_F(Cache, TheReportNamesTheTier) {
  for (const std::uint32_t n_cells : {0U, 4U}) {
    auto engine =
        Engine::open(file_.path(), {.n_threads = 1, .n_seq_max = 3, .prefix_cache_cells = n_cells});
    ASSERT_TRUE(engine.ok());
    const Tokens prompt = made_up(100, 31);
    EXPECT_EQ(read(*engine, prompt).tier, PromptReport::Tier::kNone);
    const PromptReport report = read(*engine, prompt);
    EXPECT_EQ(report.n_restored, 99);
    EXPECT_EQ(report.tier, n_cells > 0 ? PromptReport::Tier::kCell : PromptReport::Tier::kHost);
  }
}

// Two of one cell, and none of them gives way.
TEST_F(Cache, WhatHasNoCellIsRefusedAndSaysSo) {
  auto engine = Engine::open(file_.path(), {.n_threads = 1,
                                            .n_seq_max = 2,
                                            .mem_size = 1,
                                            .parks = false,
                                            .n_rewind = 0,
                                            .prefix_cache_cells = 0});
  ASSERT_TRUE(engine.ok());
  const Tokens prompt = made_up(200, 32);
  Session first = std::move(*engine->new_session()), second = std::move(*engine->new_session());
  ASSERT_TRUE(first.feed(prompt).ok());
  EXPECT_EQ(second.feed(prompt).error().code, ErrorCode::kFull);
  const PromptReport& report = second.last_prompt();
  EXPECT_EQ(report.n_known, 199);
  EXPECT_EQ(report.n_restored, 0);
  EXPECT_EQ(report.n_refused, 199);
  EXPECT_EQ(report.n_evicted, 0);
}

TEST_F(Cache, WhatWasLoadedIsKnownToOthers) {
  Engine engine = open();
  const Tokens prompt = made_up(300, 33);
  Session saved = std::move(*plain_.new_session());
  ASSERT_TRUE(saved.feed(prompt).ok());
  const auto bytes = saved.save();
  ASSERT_TRUE(bytes.ok());
  ASSERT_TRUE(engine.load(*bytes).ok());
  EXPECT_EQ(read(engine, joined(prompt, made_up(20, 34))).n_restored, 299);
}

TEST_F(Cache, TheCutsOfAPromptDoNotMatter) {
  const Tokens prompt = made_up(300, 3), end = made_up(40, 4);
  for (const std::uint32_t n_ubatch : {1U, 13U, 64U}) {
    Engine engine = open(64 << 20, n_ubatch);
    read(engine, prompt);
    EXPECT_GE(read(engine, joined(prompt, end)).n_restored, 299);
  }
}

TEST_F(Cache, AConversationGoesOnInAnotherSession) {
  Engine engine = open();
  Session first = std::move(*engine.new_session());
  ASSERT_TRUE(first.feed(made_up(150, 5)).ok());
  ASSERT_TRUE(first.generate({.max_tokens = 50}).ok());
  const Tokens so_far(first.tokens().begin(), first.tokens().end());
  const PromptReport report = read(engine, joined(so_far, made_up(30, 6)));
  EXPECT_GE(report.n_restored, static_cast<Pos>(so_far.size()) - 1);
}

TEST_F(Cache, WhatACancelledPromptHadReadIsKept) {
  Engine engine = open();
  const Tokens prompt = made_up(1000, 7);
  double n_read = 0;
  {
    Session session = std::move(*engine.new_session());
    const Status fed = session.feed(prompt, [&](double done) {
      n_read = done * 999;  // the last token waits
      if (done > 0.6) session.cancel();
    });
    ASSERT_EQ(fed.error().code, ErrorCode::kCancelled);
  }
  EXPECT_EQ(read(engine, prompt).n_restored, std::lround(n_read));
}

TEST_F(Cache, ASmallBudgetIsKeptToAndSaysWhatWent) {
  constexpr std::uint64_t kBudget = 30 << 10;
  Engine engine = open(kBudget);  // one state, and the paths of both
  Pos n_evicted = 0;
  for (int round = 0; round < 4; ++round) {
    for (std::uint64_t seed = 10; seed < 12; ++seed) {
      n_evicted += read(engine, made_up(130, seed)).n_evicted;
      ASSERT_LE(engine.cache_stats().n_bytes, kBudget);
    }
  }
  EXPECT_GT(engine.cache_stats().n_evicted, 0U);
  EXPECT_GT(n_evicted, 0);
}

TEST_F(Cache, WithoutABudgetNothingIsKept) {
  EXPECT_EQ(read(plain_, made_up(200, 8)).n_restored, 0);
  EXPECT_EQ(read(plain_, made_up(200, 8)).n_restored, 0);
  EXPECT_EQ(plain_.cache_stats().n_prompts, 0U);
}

TEST_F(Cache, SaltsShareNothing) {
  Engine engine = open();
  const Tokens prompt = made_up(300, 20);
  const auto known = [&](const std::string& salt, bool forks = false) {
    Session session = std::move(*engine.new_session({.init_state = {}, .salt = salt}));
    if (forks) session = std::move(*session.fork());
    EXPECT_TRUE(session.feed(prompt).ok());
    const PromptReport report = session.last_prompt();
    EXPECT_EQ(report.n_known, report.n_restored);
    return report.n_restored;
  };
  for (const char* salt : {"", "a", "ab", "b"}) EXPECT_EQ(known(salt), 0) << salt;
  for (const char* salt : {"", "a", "ab", "b"}) EXPECT_EQ(known(salt), 299) << salt;
  EXPECT_EQ(known("c", true), 0);
  EXPECT_EQ(known("c"), 299);
  EXPECT_EQ(known("a", true), 299);
}

TEST_F(Cache, MarkedTurnsAreStored) {
  Engine engine = open();
  const Tokens system = made_up(90, 9);
  Session session = std::move(*engine.new_session());
  ASSERT_TRUE(session.feed(system).ok());
  session.mark_turn();
  ASSERT_TRUE(session.feed(made_up(500, 10)).ok());
  EXPECT_GE(read(engine, joined(system, made_up(50, 11))).n_restored, 89 - 64);
}

// --- Codecs
// ---------------------------------------------------------------------------------------

// A recurrent model and a hybrid, over the element types of the state.
struct CodecCase {
  const char* architecture;
  StateType type_r;
};

class CacheCodec : public testing::TestWithParam<CodecCase> {
 protected:
  Engine open(StateCodec codec, std::uint64_t n_bytes = 64 << 20) {
    auto engine = Engine::open(file_.path(), {.n_threads = 1,
                                              .type_r = GetParam().type_r,
                                              .type_s = GetParam().type_r,
                                              .n_seq_max = 3,
                                              .prefix_cache_bytes = n_bytes,
                                              .prefix_cache_cells = 0,  // there nothing is packed
                                              .prefix_cache_codec = codec,
                                              .n_batch = 128,
                                              .n_ubatch = 64});
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  // The session that has read a prompt for the second time, from a state that was stored.
  Session restored(Engine& engine) {
    for (int i = 0; i < 2; ++i) {
      Session session = std::move(*engine.new_session());
      EXPECT_TRUE(session.feed(prompt_).ok());
      EXPECT_EQ(session.last_prompt().n_restored, i * 399);
      if (i == 1) return session;
    }
    return std::move(*engine.new_session());
  }

  Tokens prompt_ = made_up(400, 1);
  ModelFile file_{
      *make_model::find_architecture(GetParam().architecture)->plan("tiny", DType::kF32)};
};

INSTANTIATE_TEST_SUITE_P(All, CacheCodec,
                         testing::Values(CodecCase{"mamba", StateType::kF32},
                                         CodecCase{"mamba", StateType::kF16},
                                         CodecCase{"mamba", StateType::kBF16},
                                         CodecCase{"rwkv7", StateType::kF32},
                                         CodecCase{"recurrentgemma", StateType::kF32},
                                         CodecCase{"recurrentgemma", StateType::kBF16}));

TEST_P(CacheCodec, WithZstdNoBitTells) {
  Engine plain = open(StateCodec::kNone, 0), engine = open(StateCodec::kZstd);
  Session cold = std::move(*plain.new_session());
  ASSERT_TRUE(cold.feed(prompt_).ok());
  Session session = restored(engine);
  EXPECT_TRUE(*session.save() == *cold.save()) << "states differ";
  ASSERT_TRUE(session.generate({.max_tokens = 16}) && cold.generate({.max_tokens = 16}));
  EXPECT_TRUE(std::ranges::equal(session.tokens(), cold.tokens()));
  EXPECT_TRUE(*session.save() == *cold.save()) << "states differ after the answer";
}

// R in F32 is near what it was, and all else the same.
TEST_P(CacheCodec, RoundedStatesAreNearAndGoOn) {
  Engine plain = open(StateCodec::kNone, 0);
  Session cold = std::move(*plain.new_session());
  ASSERT_TRUE(cold.feed(prompt_).ok());
  const auto exact_bytes = *cold.save();
  const SessionSummary exact = *summarise_session(exact_bytes);
  for (const auto& [codec, most] :
       {std::pair{StateCodec::kInt16, 1e-4}, {StateCodec::kInt8, 2e-2}}) {
    Engine engine = open(codec);
    Session session = restored(engine);
    const auto bytes = *session.save();
    const SessionSummary found = *summarise_session(bytes);
    ASSERT_EQ(found.state->rows.size(), exact.state->rows.size());
    bool is_exact = true;
    for (std::size_t i = 0; i < found.state->rows.size(); ++i) {
      const auto &a = exact.state->rows[i], &b = found.state->rows[i];
      const bool is_same = std::ranges::equal(a.elements, b.elements);
      is_exact = is_exact && is_same;
      if (is_same) continue;
      ASSERT_EQ(a.kind, StateKind::kR);
      EXPECT_LE(state_distance(a, b), most * state_norm(a));
    }
    EXPECT_EQ(is_exact, GetParam().type_r != StateType::kF32);
    EXPECT_TRUE(session.generate({.max_tokens = 16}));
    EXPECT_EQ(session.n_tokens(), 416);
  }
}

TEST_P(CacheCodec, PackedStatesAreCountedAsTheyAre) {
  std::uint64_t last = 0;
  for (const StateCodec codec :
       {StateCodec::kInt8, StateCodec::kInt16, StateCodec::kZstd, StateCodec::kNone}) {
    Engine engine = open(codec);
    restored(engine);
    const CacheStats stats = engine.cache_stats();
    EXPECT_GT(stats.n_states, 1U);
    const bool rounds_nothing = GetParam().type_r != StateType::kF32;
    EXPECT_TRUE(stats.n_bytes > last || (rounds_nothing && stats.n_bytes >= last));
    last = stats.n_bytes;
  }
}

}  // namespace
}  // namespace eddy
