// The newest stored states stay in cells: a session starts by sharing one, and no bit tells.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "eddy/engine.h"
#include "engine/fakes.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using Tokens = std::vector<Token>;

// What goes to host memory is packed there.
struct CellsCase {
  std::uint32_t n_cells;
  StateCodec codec = StateCodec::kNone;
};

class CacheCells : public testing::TestWithParam<CellsCase> {
 protected:
  Engine open(std::uint64_t n_bytes, std::uint32_t mem_size = 0) {
    auto engine = Engine::open(file_.path(), {.n_threads = 1,
                                              .n_seq_max = 4,
                                              .mem_size = mem_size,
                                              .prefix_cache_bytes = n_bytes,
                                              .prefix_cache_cells = GetParam().n_cells,
                                              .prefix_cache_codec = GetParam().codec});
    EXPECT_TRUE(engine.ok());
    return std::move(*engine);
  }

  // Reads a prompt in a session that ends; how much of it was restored.
  Pos read(Engine& engine, const Tokens& prompt) {
    Session session = std::move(*engine.new_session()), plain = std::move(*plain_.new_session());
    EXPECT_TRUE(session.feed(prompt).ok() && plain.feed(prompt).ok());
    const Pos n_restored = session.last_prompt().n_restored;
    EXPECT_TRUE(session.generate({.max_tokens = 5}) && plain.generate({.max_tokens = 5}));
    const auto a = session.save(), b = plain.save();
    EXPECT_TRUE(a.ok() && b.ok() && *a == *b) << "states differ";
    return n_restored;
  }

  ModelFile file_;
  Engine plain_ = open(0);
};

INSTANTIATE_TEST_SUITE_P(Cells, CacheCells,
                         testing::Values(CellsCase{0}, CellsCase{1}, CellsCase{4},
                                         CellsCase{1, StateCodec::kZstd}));

TEST_P(CacheCells, HoldNoMoreThanTheyMayAndAllAreFound) {
  Engine engine = open(64 << 20);
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    EXPECT_EQ(read(engine, made_up(200, seed)), 0);
    const CacheStats stats = engine.cache_stats();
    EXPECT_EQ(stats.n_in_cells, std::min<std::uint64_t>(stats.n_states, GetParam().n_cells));
  }
  for (int round = 0; round < 2; ++round) {
    for (const std::uint64_t seed : {2U, 4U, 1U, 3U, 4U}) {
      EXPECT_EQ(read(engine, made_up(200, seed)), 199) << seed;
    }
  }
  EXPECT_EQ(engine.cache_stats().n_evicted, 0U);
}

// Cells that sequences at work need are theirs: what was there goes to host memory.
TEST_P(CacheCells, AreGivenUpAndNothingIsLost) {
  Engine engine = open(64 << 20, 1);
  const Tokens prompt = made_up(200, 1);
  read(engine, prompt);
  std::vector<Session> sessions;
  std::vector<GenerateRequest> requests;
  for (std::uint64_t seed = 11; seed < 14; ++seed) {  // all need a cell at the same time
    sessions.push_back(std::move(*engine.new_session()));
    ASSERT_TRUE(sessions.back().feed(made_up(20, seed)).ok());
  }
  for (Session& session : sessions) {
    requests.push_back({.session = &session, .params = {.max_tokens = 4}});
  }
  engine.generate(requests);
  for (const GenerateRequest& request : requests) EXPECT_TRUE(request.result.ok());
  sessions.clear();
  EXPECT_EQ(read(engine, prompt), 199);
}

TEST_P(CacheCells, ASmallBudgetCountsThem) {
  constexpr std::uint64_t kBudget = 30 << 10;  // one state
  Engine engine = open(kBudget);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    read(engine, made_up(130, seed));
    EXPECT_LE(engine.cache_stats().n_bytes, kBudget);
    EXPECT_LE(engine.cache_stats().n_in_cells, 1U);
  }
}

// A state that is stored in a cell is neither written nor read as bytes.
TEST(CacheCellsCost, TheCellIsShared) {
  FakeEngine fake({.n_seq_max = 2});
  const std::string prompt(300, 'q');
  Session first = fake.session(), second = fake.session();
  ASSERT_TRUE(first.feed(prompt).ok() && second.feed(prompt).ok());
  EXPECT_EQ(fake.engine->cache_stats().n_hits, 1U);
  const auto& ledger = fake.core->memory->ledger();
  std::uint32_t n_shared = 0;
  for (std::uint32_t i = 0; i < ledger.mem_size(); ++i) {
    const Cell& cell = ledger[CellId(static_cast<std::int32_t>(i))];
    n_shared += cell.n_sharers == 2 && cell.n_pins == 1;
  }
  EXPECT_EQ(n_shared, 1U);
}

// What the allocator has given out.
std::int64_t n_bytes_in_use() {
  const auto info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
}

TEST(CacheCellsCost, MemoryGrowsByWhatIsCounted) {
  if (n_bytes_in_use() == 0) GTEST_SKIP() << "a sanitizer's allocator does not say what it gave";
  constexpr std::uint64_t kBudget = 8 << 20;
  const ModelFile file;
  auto engine = Engine::open(
      file.path(),
      {.n_threads = 1, .n_seq_max = 1, .prefix_cache_bytes = kBudget, .prefix_cache_cells = 0});
  ASSERT_TRUE(engine.ok());
  const auto n_uncounted = [&](std::uint64_t first_seed, std::uint64_t n_prompts) {
    for (std::uint64_t seed = first_seed; seed < first_seed + n_prompts; ++seed) {
      Session session = std::move(*engine->new_session());
      EXPECT_TRUE(session.feed(made_up(200, seed)) && session.generate({.max_tokens = 1}));
    }
    return n_bytes_in_use() - static_cast<std::int64_t>(engine->cache_stats().n_bytes);
  };
  const std::int64_t before = n_uncounted(1, 3);
  const std::int64_t after = n_uncounted(100, 150);
  EXPECT_GT(engine->cache_stats().n_evicted, 0U);  // it is full
  EXPECT_LE(std::abs(after - before), static_cast<std::int64_t>(kBudget / 50));
}

TEST(CacheCellsCost, ASessionFromItsBytesIsTheSession) {
  FakeEngine fake({.n_seq_max = 3});
  Session first = fake.session();
  ASSERT_TRUE(first.feed("a few words").ok());
  auto second = fake.engine->load(*first.save());
  ASSERT_TRUE(second.ok() && first.generate({.max_tokens = 9}) &&
              second->generate({.max_tokens = 9}));
  EXPECT_TRUE(std::ranges::equal(first.tokens(), second->tokens()));
  EXPECT_EQ(fake.engine->load({}).error().code, ErrorCode::kMalformed);
  EXPECT_TRUE(fake.engine->new_session().ok());  // the refused one has given its sequence back
}

}  // namespace
}  // namespace eddy
