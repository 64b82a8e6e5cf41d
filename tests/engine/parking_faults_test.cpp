// A store that fails: at parking the memory is full, at coming back the tokens are read again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/temporary_folder.h"
#include "engine/fakes.h"
#include "engine/parking.h"
#include "memory/map_store.h"

namespace eddy {
namespace {

using fakes::FakeEngine;
using test::Fault;
using test::FaultyFileSystem;

class ParkingFaults : public testing::Test {
 protected:
  // An engine with one cell, and one for loading, whose states go to a disk that fails.
  std::unique_ptr<FakeEngine> start(FileSystem& fs) {
    const std::string place = folder_.path(std::to_string(n_folders_++));
    auto fake = std::make_unique<FakeEngine>(
        EngineOptions{.n_seq_max = 3, .mem_size = 1, .n_rewind = 0, .prefix_cache_bytes = 0});
    auto parking = Parking::in_folder(fs, place);
    EXPECT_TRUE(test::succeeds(parking));
    fake->core->parking = std::move(*parking);
    blobs_ = place + "/blobs";
    return fake;
  }

  std::size_t n_files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(blobs_), {}));
  }

  // The calls of one parking or one coming back, each failing in turn: `act` is told which.
  void for_each_call(std::int64_t first, std::int64_t end,
                     const std::function<void(Fault, const std::string&)>& act) {
    for (std::int64_t k = first; k < end; ++k) {
      for (const std::int64_t result : {-EIO, -ENOSPC}) {
        const std::string what = fmt::format("call {}, {}", k, result);
        SCOPED_TRACE(what);
        act({.first = k, .n = 1, .result = result}, what);
      }
    }
  }

  test::TemporaryFolder folder_{test::quick_place()};
  int n_folders_ = 0;
  std::string blobs_;
};

std::int64_t n_calls(const FaultyFileSystem& fs) {
  return static_cast<std::int64_t>(fs.calls().size());
}

const GenerateParams kAnswer = {.max_tokens = 4};

TEST_F(ParkingFaults, EveryCallOfAParkAndOfAReturn) {
  // Without a fault: where the calls lie, and the answer.
  FaultyFileSystem counting(posix_file_system());
  auto plain = start(counting);
  Session told = plain->session();
  ASSERT_TRUE(told.feed("what was said").ok());
  const std::int64_t n_opened = n_calls(counting);
  ASSERT_TRUE(test::succeeds(told.park()));
  const std::int64_t n_parked = n_calls(counting);
  const auto expected = told.generate(kAnswer);
  ASSERT_TRUE(test::succeeds(expected));
  const std::int64_t n_back = n_calls(counting);
  EXPECT_GE(n_parked - n_opened, 4);
  EXPECT_GE(n_back - n_parked, 4);

  int n_refused = 0, n_read_again = 0;
  for_each_call(n_opened, n_back, [&](Fault fault, const std::string&) {
    FaultyFileSystem faulty(posix_file_system(), fault);
    auto fake = start(faulty);
    Session session = fake->session();
    ASSERT_TRUE(session.feed("what was said").ok());
    const Status parked = session.park();
    if (!parked) {
      ++n_refused;
      EXPECT_TRUE(test::fails_with(parked, ErrorCode::kFull));
      EXPECT_EQ(n_files(), 0u);
    }
    const auto answer = session.generate(kAnswer);
    ASSERT_TRUE(test::succeeds(answer));
    EXPECT_EQ(answer->text, expected->text);
    if (fake->script->n_tokens > plain->script->n_tokens) ++n_read_again;
    ASSERT_TRUE(test::succeeds(session.park()));  // the disk has recovered
    EXPECT_LE(n_files(), 2u);                     // an orphan at most: its removal has failed
  });
  EXPECT_GE(n_refused, 6);
  EXPECT_GE(n_read_again, 4);
}

TEST_F(ParkingFaults, AFullDiskIsAFullMemoryAndNobodyLosesAnything) {
  FaultyFileSystem counting(posix_file_system());
  const auto count = start(counting);
  FaultyFileSystem faulty(posix_file_system(),
                          {.first = n_calls(counting), .n = 1'000'000, .result = -ENOSPC});
  auto fake = start(faulty);
  Session one = fake->session(), two = fake->session();
  ASSERT_TRUE(one.feed("what was said").ok());
  EXPECT_TRUE(test::fails_with(two.feed("no more"), ErrorCode::kFull));
  EXPECT_EQ(n_files(), 0u);
  const auto n_before = fake->script->n_tokens;
  ASSERT_TRUE(test::succeeds(one.generate({.max_tokens = 1})));
  EXPECT_EQ(fake->script->n_tokens - n_before, 1);  // its state is where it was
}

// `parked` has read "what was said"; the only cell is another's, which may not be put away until
// park_idle() is called.
struct WithoutRoom {
  explicit WithoutRoom(std::unique_ptr<FakeEngine> engine)
      : fake(std::move(engine)), parked(fake->session()), at_work(fake->session()) {
    EXPECT_TRUE(parked.feed("what was said").ok());
    EXPECT_TRUE(test::succeeds(parked.park()));
    EXPECT_TRUE(at_work.feed("at work").ok());
    fake->core->memory->on_park({});
  }

  // What follows the text in a session that nothing happens to.
  static std::string answer_to(FakeEngine& engine, const std::string& text) {
    Session session = engine.session();
    EXPECT_TRUE(session.feed(text).ok());
    const auto answer = session.generate(kAnswer);
    EXPECT_TRUE(test::succeeds(answer));
    return answer ? answer->text : "";
  }

  std::unique_ptr<FakeEngine> fake;
  Session parked, at_work;
};

TEST_F(ParkingFaults, WhereThereIsNoRoomToComeBackItWaits) {
  auto fake = start(posix_file_system());
  const std::string expected = WithoutRoom::answer_to(*fake, "what was said");
  WithoutRoom scene(std::move(fake));
  Session& one = scene.parked;
  const auto n_before = scene.fake->script->n_tokens;
  EXPECT_TRUE(test::fails_with(one.generate(kAnswer), ErrorCode::kFull));
  EXPECT_TRUE(test::fails_with(one.feed(" more"), ErrorCode::kFull));
  EXPECT_TRUE(test::fails_with(one.fork(), ErrorCode::kFull));
  EXPECT_TRUE(test::fails_with(one.checkpoint(), ErrorCode::kFull));
  EXPECT_TRUE(test::fails_with(one.save(), ErrorCode::kFull));
  EXPECT_EQ(one.place().kind, StatePlace::Kind::kParked);
  EXPECT_EQ(n_files(), 1u);
  scene.fake->core->park_idle();
  const auto answer = one.generate(kAnswer);
  ASSERT_TRUE(test::succeeds(answer));
  EXPECT_EQ(answer->text, expected);
  EXPECT_EQ(scene.fake->script->n_tokens - n_before, kAnswer.max_tokens);  // nothing was read again
}

// What it has seen and the session has not is of no use.
TEST_F(ParkingFaults, RewoundWhereThereIsNoRoomItIsReadAgain) {
  auto fake = start(posix_file_system());
  const std::string expected = WithoutRoom::answer_to(*fake, "what was sung");
  WithoutRoom scene(std::move(fake));
  Session& one = scene.parked;
  ASSERT_TRUE(one.rewind(3).ok());
  EXPECT_EQ(one.place().kind, StatePlace::Kind::kNone);
  scene.fake->core->park_idle();
  ASSERT_TRUE(test::succeeds(one.feed("ung")));
  const auto answer = one.generate(kAnswer);
  ASSERT_TRUE(test::succeeds(answer));
  EXPECT_EQ(answer->text, expected);
}

TEST_F(ParkingFaults, ADamagedFileIsReadAgain) {
  auto fake = start(posix_file_system());
  Session session = fake->session(), other = fake->session();
  ASSERT_TRUE(session.feed("what was said").ok());
  ASSERT_TRUE(other.feed("what was said").ok());
  const auto expected = other.generate(kAnswer);
  ASSERT_TRUE(test::succeeds(session.park()));
  for (const auto& file : std::filesystem::directory_iterator(blobs_)) {
    std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) - 1);
  }
  const auto n_before = fake->script->n_tokens;
  const auto answer = session.generate(kAnswer);
  ASSERT_TRUE(test::succeeds(answer));
  EXPECT_EQ(answer->text, expected->text);
  EXPECT_GT(fake->script->n_tokens - n_before, kAnswer.max_tokens);
}

class RefusingStore : public MapStore {
 public:
  Status put(const StateDescriptor& state, std::span<const std::byte> bytes) override {
    if (refuses) return fail(ErrorCode::kFull, "refused");
    return MapStore::put(state, bytes);
  }
  bool refuses = false;
};

TEST(ParkingLimit, WhoHasWaitedForLongestGoesWhenTheNextIsStored) {
  auto owned = std::make_unique<RefusingStore>();
  RefusingStore& store = *owned;
  eddy::Parking parking(std::move(owned));
  parking.set_bytes_max(200);
  const std::vector<std::byte> state(100);
  const auto put = [&](SeqId seq) {
    return parking.put({.seqs = {&seq, 1}, .pos = 0, .state = state});
  };
  ASSERT_TRUE(put(SeqId(0)) && put(SeqId(1)));
  store.refuses = true;
  EXPECT_FALSE(put(SeqId(2)));
  EXPECT_TRUE(parking.find(SeqId(0)) && parking.find(SeqId(1)));
  EXPECT_EQ(parking.n_bytes(), 200u);
  store.refuses = false;
  EXPECT_TRUE(put(SeqId(2)));
  EXPECT_FALSE(parking.find(SeqId(0)));
  EXPECT_TRUE(parking.find(SeqId(1)) && parking.find(SeqId(2)));
  EXPECT_EQ(parking.n_bytes(), 200u);
}

}  // namespace
}  // namespace eddy
