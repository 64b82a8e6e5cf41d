// More conversations than cells: idle ones make room and come back, from host memory and from a
// folder, and no bit tells.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/support/fails_with.h"
#include "base/support/sanitized.h"
#include "base/support/temporary_folder.h"
#include "eddy/engine.h"
#include "engine/model_file.h"
#include "memory/dir_store.h"

namespace eddy {
namespace {

// No two alike.
std::vector<Token> short_prompt(int i) {
  std::vector<Token> tokens = {Token(i / 250)};
  for (int t = 0; t < 3 + i % 5; ++t) tokens.push_back(Token((i * 31 + t * 7) % 250));
  return tokens;
}

enum class ParkedIn { kHost, kFolder };

class Parking : public testing::TestWithParam<ParkedIn> {
 protected:
  EngineOptions options(std::uint32_t n_seq_max, std::uint32_t mem_size) const {
    return {.n_threads = 1,
            .n_seq_max = n_seq_max,
            .mem_size = mem_size,
            .park_folder = GetParam() == ParkedIn::kFolder ? park_folder() : "",
            .prefix_cache_bytes = 0};
  }
  Engine open(const EngineOptions& options) const {
    auto engine = Engine::open(file_.path(), options);
    EXPECT_TRUE(test::succeeds(engine));
    return std::move(*engine);
  }
  Engine open_plain() const {
    return open({.n_seq_max = 1, .mem_size = 1, .prefix_cache_bytes = 0});
  }
  std::vector<Session> feed(Engine& engine, int n) const {
    std::vector<Session> sessions;
    for (int i = 0; i < n; ++i) {
      sessions.push_back(std::move(*engine.new_session()));
      EXPECT_TRUE(test::succeeds(sessions.back().feed(short_prompt(i)))) << i;
    }
    return sessions;
  }

  // The states in the folder, as another process sees them; in host memory it sees none.
  std::string park_folder() const { return folder_.path("parked"); }
  std::size_t n_parked() const {
    if (GetParam() == ParkedIn::kHost) return 0;
    auto store =
        DirStore::open(posix_file_system(), park_folder(), {.access = DirStore::Access::kRead});
    EXPECT_TRUE(test::succeeds(store));
    return store ? store->list()->size() : 0;
  }
  void expect_parked(std::size_t n) const {
    EXPECT_EQ(n_parked(), GetParam() == ParkedIn::kFolder ? n : 0);
  }
  void expect_no_files() const {
    if (GetParam() == ParkedIn::kHost) return;
    EXPECT_TRUE(std::filesystem::is_empty(park_folder() + "/blobs"));
  }

  ModelFile file_;
  test::TemporaryFolder folder_{test::quick_place()};
};

INSTANTIATE_TEST_SUITE_P(Places, Parking, testing::Values(ParkedIn::kHost, ParkedIn::kFolder),
                         [](const auto& info) {
                           return info.param == ParkedIn::kHost ? "Host" : "Folder";
                         });

// Room for three: of six that wait the three newest keep their states, and all go on.
TEST_P(Parking, WhoHasWaitedForLongestIsReadAgainWhereThereAreTooManyBytes) {
  EngineOptions few = options(8, 1);
  few.park_bytes_max = 1;  // not even one
  {
    Engine engine = open(few);
    std::vector<Session> sessions = feed(engine, 1);
    EXPECT_TRUE(test::fails_with(sessions[0].park(), ErrorCode::kFull));
    few.park_bytes_max = 3 * sessions[0].save()->size();
  }
  Engine engine = open(few), plain = open_plain();
  std::vector<Session> sessions = feed(engine, 7);
  EXPECT_EQ(engine.memory_map().n_parked, 3u);
  expect_parked(3);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(sessions[i].place().kind == StatePlace::Kind::kParked, i >= 3) << i;
  }
  for (int i = 0; i < 7; ++i) {
    Session alone = std::move(*plain.new_session());
    ASSERT_TRUE(test::succeeds(alone.feed(short_prompt(i))));
    const auto expected = alone.generate({.max_tokens = 4});
    const auto found = sessions[static_cast<std::size_t>(i)].generate({.max_tokens = 4});
    ASSERT_TRUE(expected.ok() && test::succeeds(found));
    EXPECT_EQ(found->text, expected->text) << i;
    EXPECT_LE(engine.memory_map().n_parked_bytes, few.park_bytes_max);
  }
}

TEST_P(Parking, ThousandsOfSessionsGoOnOverSixteenCells) {
  constexpr int kSessions = test::kIsSanitized ? 200 : 2000;
  {
    Engine engine = open(options(kSessions, 16)), plain = open_plain();
    std::vector<Session> sessions = feed(engine, kSessions);
    EXPECT_GE(n_parked(), GetParam() == ParkedIn::kFolder ? std::size_t{kSessions} - 17 : 0u);
    for (int i = 0; i < kSessions; ++i) {
      const int number = (i * 617) % kSessions;  // in another order
      Session& session = sessions[static_cast<std::size_t>(number)];
      ASSERT_TRUE(test::succeeds(session.generate({.max_tokens = 3})));
      if (i % 16 != 0) continue;
      Session alone = std::move(*plain.new_session());
      ASSERT_TRUE(alone.feed(short_prompt(number)).ok() && alone.generate({.max_tokens = 3}).ok());
      ASSERT_TRUE(std::ranges::equal(session.tokens(), alone.tokens())) << number;
    }
  }
  expect_no_files();
}

TEST_P(Parking, ForksSavesAndRewindsBringBackWhatIsParked) {
  Engine engine = open(options(8, 2));
  std::vector<Session> sessions = feed(engine, 6);
  for (Session& session : sessions) ASSERT_TRUE(session.generate({.max_tokens = 4}).ok());
  const auto saved = sessions[0].save();
  ASSERT_TRUE(saved.ok());
  auto fork = sessions[0].fork();
  ASSERT_TRUE(fork.ok());
  ASSERT_TRUE(sessions[3].generate({.max_tokens = 4}).ok());  // parks them again
  ASSERT_TRUE(sessions[4].generate({.max_tokens = 4}).ok());
  EXPECT_EQ(*fork->save(), *saved);
  ASSERT_TRUE(sessions[5].rewind(2).ok());
  ASSERT_TRUE(sessions[1].reset().ok());
  ASSERT_TRUE(sessions[5].generate({.max_tokens = 2}).ok());
  EXPECT_EQ(*sessions[0].save(), *saved);
}

TEST_P(Parking, WithoutLeaveItIsFull) {
  EngineOptions forbids = options(4, 1);
  forbids.parks = false;
  Engine engine = open(forbids);
  std::vector<Session> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(std::move(*engine.new_session()));
  ErrorCode code{};
  for (Session& session : sessions) {
    const Status fed = session.feed(short_prompt(1));
    if (!fed) code = fed.error().code;
  }
  EXPECT_EQ(code, ErrorCode::kFull);
  EXPECT_TRUE(test::fails_with(sessions[0].park(), ErrorCode::kUnsupported));
}

TEST_P(Parking, ParkPutsAwayNowAndTheNextUseBringsBack) {
  Engine engine = open(options(3, 3));
  std::vector<Session> sessions = feed(engine, 2);
  ASSERT_TRUE(sessions[0].generate({.max_tokens = 4}).ok());
  const auto saved = sessions[0].save();
  ASSERT_TRUE(test::succeeds(sessions[0].park()));
  expect_parked(1);
  ASSERT_TRUE(test::succeeds(sessions[0].park()));  // it is already
  EXPECT_EQ(*sessions[0].save(), *saved);
  expect_parked(0);
  ASSERT_TRUE(test::succeeds(sessions[0].park()));
  ASSERT_TRUE(sessions[0].generate({.max_tokens = 4}).ok());
  Engine plain = open_plain();
  Session alone = std::move(*plain.new_session());
  ASSERT_TRUE(alone.feed(short_prompt(0)).ok() && alone.generate({.max_tokens = 8}).ok());
  EXPECT_TRUE(std::ranges::equal(sessions[0].tokens(), alone.tokens()));
  Session empty = std::move(*engine.new_session());
  EXPECT_TRUE(test::succeeds(empty.park()));
  expect_parked(0);
}

TEST_P(Parking, ForksThatShareAStateWaitTogetherAndShareItsBytes) {
  Engine engine = open(options(4, 2));
  std::vector<Session> sessions = feed(engine, 1);
  auto fork = sessions[0].fork();
  ASSERT_TRUE(fork.ok());
  const auto saved = fork->save();
  ASSERT_TRUE(test::succeeds(sessions[0].park()));
  expect_parked(1);
  ASSERT_TRUE(sessions[0].generate({.max_tokens = 1}).ok());
  expect_parked(1);  // the fork's
  EXPECT_EQ(*fork->save(), *saved);
  expect_parked(0);
}

TEST_P(Parking, AnEndedOrForgottenSessionLeavesNothing) {
  Engine engine = open(options(4, 4));
  std::vector<Session> sessions = feed(engine, 3);
  for (Session& session : sessions) ASSERT_TRUE(test::succeeds(session.park()));
  expect_parked(3);
  sessions.pop_back();
  expect_parked(2);
  ASSERT_TRUE(sessions[1].reset().ok());
  expect_parked(1);
}

TEST_P(Parking, PlacesSayWhoSharesWhatAndWhatWaits) {
  using enum StatePlace::Kind;
  Engine engine = open(options(4, 4));
  std::vector<Session> sessions = feed(engine, 2);
  const Session empty = std::move(*engine.new_session());
  EXPECT_EQ(empty.place().kind, kNone);
  auto fork = sessions[0].fork();
  ASSERT_TRUE(fork.ok());
  const StatePlace place = sessions[0].place();
  EXPECT_EQ(place.kind, kCell);
  EXPECT_EQ(place.n_tokens, sessions[0].n_tokens() - 1);
  EXPECT_EQ(place.n_rewind, place.n_tokens - 1);  // to the first: an empty one has no state
  EXPECT_GT(place.n_anchors, 0u);
  EXPECT_EQ(fork->place().cell, place.cell);
  EXPECT_NE(sessions[1].place().cell, place.cell);
  EXPECT_EQ(engine.memory_map().n_cells, engine.info().mem_size);
  EXPECT_EQ(engine.memory_map().n_held, 2u);
  EXPECT_EQ(engine.memory_map().n_parked, 0u);

  ASSERT_TRUE(test::succeeds(fork->park()));
  for (const Session* session : {&sessions[0], &*fork}) {
    EXPECT_EQ(session->place().kind, kParked);
    EXPECT_EQ(session->place().n_tokens, place.n_tokens);
    EXPECT_EQ(session->place().n_bytes, place.n_bytes);
  }
  const MemoryMap map = engine.memory_map();
  EXPECT_EQ(map.n_held, 1u);
  EXPECT_EQ(map.n_parked, 2u);
  EXPECT_EQ(map.n_parked_bytes, place.n_bytes);
  ASSERT_TRUE(sessions[0].generate({.max_tokens = 1}).ok());
  EXPECT_EQ(sessions[0].place().kind, kCell);
  EXPECT_EQ(engine.memory_map().n_parked_bytes, place.n_bytes);  // the fork's
  ASSERT_TRUE(fork->reset().ok());
  EXPECT_EQ(engine.memory_map().n_parked_bytes, 0u);
}

TEST_P(Parking, InsideACallbackNothingIsParked) {
  Engine engine = open(options(2, 2));
  std::vector<Session> sessions = feed(engine, 1);
  const auto done = sessions[0].generate({.max_tokens = 3}, [&](std::string_view) {
    EXPECT_TRUE(test::fails_with(sessions[0].park(), ErrorCode::kInvalidArgument));
    return true;
  });
  EXPECT_TRUE(test::succeeds(done));
}

// --- The folder ---------------------------------------------------------------------------------

class ParkFolder : public Parking {};
INSTANTIATE_TEST_SUITE_P(Places, ParkFolder, testing::Values(ParkedIn::kFolder));

TEST_P(ParkFolder, WhatAKilledProcessHasLeftIsRemoved) {
  {
    auto left = DirStore::open(posix_file_system(), park_folder());
    ASSERT_TRUE(test::succeeds(left));
    for (const std::string name : {"parked 0", "parked 7"}) {
      ASSERT_TRUE(left->put({.name = name}, std::as_bytes(std::span(name))).ok());
    }
  }
  expect_parked(2);
  Engine engine = open(options(2, 2));
  expect_parked(0);
}

TEST_P(ParkFolder, StatesThatWereSavedAreNotTouched) {
  {
    auto saved = DirStore::open(posix_file_system(), park_folder());
    ASSERT_TRUE(test::succeeds(saved));
    for (const std::string name : {"diary", "parked 7"}) {
      ASSERT_TRUE(saved->put({.name = name}, std::as_bytes(std::span(name))).ok());
    }
  }
  EXPECT_TRUE(test::fails_with(Engine::open(file_.path(), options(2, 2)),
                               ErrorCode::kInvalidArgument, {park_folder(), "diary"}));
  expect_parked(2);
}

TEST_P(ParkFolder, IsOneEnginesAtATime) {
  auto engine = std::make_unique<Engine>(open(options(2, 2)));
  EXPECT_TRUE(test::fails_with(Engine::open(file_.path(), options(2, 2)), ErrorCode::kBusy));
  std::vector<Session> sessions = feed(*engine, 1);
  engine.reset();
  EXPECT_TRUE(test::fails_with(Engine::open(file_.path(), options(2, 2)), ErrorCode::kBusy));
  sessions.clear();
  EXPECT_TRUE(test::succeeds(Engine::open(file_.path(), options(2, 2))));
}

}  // namespace
}  // namespace eddy
