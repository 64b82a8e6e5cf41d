// DirStore where any call to the operating system fails, its own and SQLite's, and where the power
// is cut before any of them: each state is what it was or what it was to be.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "memory/dir_store.h"
#include "support/faulty_vfs.h"
#include "support/power_cut_file_system.h"
#include "support/store_worlds.h"

namespace eddy::test {
namespace {

namespace stdfs = std::filesystem;

using States = std::map<std::string, std::uint64_t>;  // seeds by name

constexpr std::size_t kBytes = 700;
constexpr std::uint64_t kSeeds = 8;
// Room for three contents and their headers.
constexpr std::uint64_t kBudget = 3 * (kBytes + 384);

const States kOld = {{"a", 1}, {"b", 2}, {"c", 3}};

// Everything that a store is asked to do: replace, a new name that drives another out, the bytes
// of another name, a removal. after[i] is what it holds after i of them.
struct Step {
  const char* name;
  std::uint64_t seed;  // 0: erase
};
constexpr Step kSteps[] = {{"a", 4}, {"d", 5}, {"c", 4}, {"a", 0}};
const States kAfter[] = {kOld,
                         {{"a", 4}, {"b", 2}, {"c", 3}},
                         {{"a", 4}, {"c", 3}, {"d", 5}},
                         {{"a", 4}, {"c", 4}, {"d", 5}},
                         {{"c", 4}, {"d", 5}}};

Status take(DirStore& store, const Step& step) {
  if (step.seed == 0) return store.erase(step.name);
  return store.put(descriptor(step.name), content_of(step.seed, kBytes));
}

class DirStoreFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = DirStore::open(posix_file_system(), old(), {.now = clock.function()});
    ASSERT_TRUE(succeeds(store));
    for (const auto& [name, seed] : kOld) {
      ASSERT_TRUE(succeeds(store->put(descriptor(name), content_of(seed, kBytes))));
    }
  }

  std::string old() const { return folder.path("old"); }
  std::string path() const { return folder.path("store"); }
  std::string image() const { return folder.path("image"); }

  void start_anew() const {
    stdfs::remove_all(path());
    stdfs::copy(old(), path(), stdfs::copy_options::recursive);
  }

  Result<DirStore> open(FileSystem& fs, const std::string& at) const {
    return DirStore::open(fs, at,
                          {.budget = kBudget, .outlives = outlives, .now = clock.function()});
  }

  // What a store holds; each content is whole, or the test fails.
  States read(const std::string& at) const {
    States states;
    auto store = open(posix_file_system(), at);
    EXPECT_TRUE(succeeds(store));
    if (!store) return states;
    EXPECT_FALSE(store->repairs().is_rebuilt) << store->repairs().reason;
    const auto entries = store->list();
    EXPECT_TRUE(succeeds(entries));
    if (!entries) return states;
    for (const StateEntry& entry : *entries) {
      const auto stored = store->get(entry.state.name);
      EXPECT_TRUE(succeeds(stored));
      if (!stored) continue;
      for (std::uint64_t seed = 1; seed < kSeeds; ++seed) {
        if (std::ranges::equal(stored->bytes, content_of(seed, kBytes))) {
          states[entry.state.name] = seed;
        }
      }
      EXPECT_TRUE(states.contains(entry.state.name)) << entry.state.name << ": foreign bytes";
    }
    // Nothing is left over: contents that somebody names, and no others.
    std::set<std::uint64_t> seeds;
    for (const auto& [name, seed] : states) seeds.insert(seed);
    const auto n_files = std::distance(stdfs::directory_iterator(at + "/blobs"), {});
    EXPECT_EQ(static_cast<std::size_t>(n_files), seeds.size());
    return states;
  }

  // Opens and takes the steps until one fails; the number of those that went well.
  std::size_t run(FileSystem& fs, Status& status) const {
    auto store = open(fs, path());
    status = store ? Status() : store.error();
    if (!status) return 0;
    for (std::size_t i = 0; i < std::size(kSteps); ++i) {
      status = take(*store, kSteps[i]);
      if (!status) return i;
    }
    return std::size(kSteps);
  }

  // After an error in step n: before it or after it.
  void expect_old_or_new(std::size_t n_done, const Status& status) const {
    const States states = read(path());
    if (status) {
      EXPECT_EQ(n_done, std::size(kSteps));
      EXPECT_EQ(states, kAfter[std::size(kSteps)]);
    } else {
      EXPECT_TRUE(states == kAfter[n_done] || states == kAfter[n_done + 1]);
    }
  }

  void try_any_call_with_any_error();

  TemporaryFolder folder{quick_place()};
  TestClock clock;
  Outlives outlives = Outlives::kPowerCut;
};

TEST_F(DirStoreFaults, WithoutAFaultAllGoesWell) {
  start_anew();
  Status status;
  EXPECT_EQ(run(posix_file_system(), status), std::size(kSteps));
  EXPECT_TRUE(succeeds(status));
  EXPECT_EQ(read(path()), kAfter[std::size(kSteps)]);
}

void DirStoreFaults::try_any_call_with_any_error() {
  start_anew();
  FaultyFileSystem counting(posix_file_system());
  Status status;
  run(counting, status);
  const auto n_calls = static_cast<std::int64_t>(counting.calls().size());
  EXPECT_GT(n_calls, 20);
  int n_failed = 0;
  for (std::int64_t k = 0; k < n_calls; ++k) {
    for (const std::int64_t result : {-EIO, -ENOSPC, -ENOMEM, -EINTR, 0, 1}) {
      for (const std::int64_t n : {1, 1'000'000}) {
        if (result == -EINTR && n > 1) continue;  // would be repeated for ever
        SCOPED_TRACE(fmt::format("call {} ({}), {} times: {}", k,
                                 counting.calls()[static_cast<std::size_t>(k)], n, result));
        start_anew();
        FaultyFileSystem faulty(posix_file_system(), {k, n, result});
        const std::size_t n_done = run(faulty, status);
        n_failed += status ? 0 : 1;
        if (!status) {
          const ErrorCode code = status.error().code;
          EXPECT_TRUE(code == ErrorCode::kIo || code == ErrorCode::kOutOfMemory ||
                      code == ErrorCode::kMalformed)
              << status.error().message;
          EXPECT_NE(status.error().message.find(folder.path()), std::string::npos)
              << status.error().message;
        }
        expect_old_or_new(n_done, status);
      }
    }
  }
  EXPECT_GT(n_failed, 100);
}

TEST_F(DirStoreFaults, AnyCallWithAnyError) { try_any_call_with_any_error(); }

TEST_F(DirStoreFaults, AnyCallWithAnyErrorWithoutSyncs) {
  outlives = Outlives::kProcess;
  try_any_call_with_any_error();
}

TEST_F(DirStoreFaults, WhatNeedNotOutliveAPowerCutIsNotSynced) {
  for (const Outlives wanted : {Outlives::kPowerCut, Outlives::kProcess}) {
    outlives = wanted;
    stdfs::remove_all(path());
    FaultyFileSystem counting(posix_file_system());
    FaultyVfs watched;
    Status status;
    run(counting, status);
    const auto n_syncs = std::ranges::count(counting.calls(), "sync");
    EXPECT_EQ(n_syncs > 0, wanted == Outlives::kPowerCut);
    EXPECT_EQ(watched.n_syncs > 0, wanted == Outlives::kPowerCut);
  }
}

TEST_F(DirStoreFaults, AnyCallOfSqliteWithAnyError) {
  start_anew();
  Status status;
  std::int64_t n_calls = 0;
  {
    FaultyVfs counting;
    run(posix_file_system(), status);
    n_calls = counting.n_calls();
  }
  EXPECT_GT(n_calls, 40);
  int n_failed = 0;
  for (std::int64_t k = 0; k < n_calls; ++k) {
    for (const VfsFault::Kind kind : {VfsFault::Kind::kError, VfsFault::Kind::kFull}) {
      for (const std::int64_t n : {1, 1'000'000}) {
        SCOPED_TRACE(fmt::format("call {}, {} times, kind {}", k, n, static_cast<int>(kind)));
        start_anew();
        std::size_t n_done = 0;
        {
          FaultyVfs faulty({.first = k, .n = n, .kind = kind});
          n_done = run(posix_file_system(), status);
        }
        n_failed += status ? 0 : 1;
        expect_old_or_new(n_done, status);
      }
    }
  }
  EXPECT_GT(n_failed, 100);
}

// Before each call of ours and of SQLite's, in each way to lose what was not synced.
TEST_F(DirStoreFaults, APowerCutBeforeAnyCall) {
  start_anew();
  PowerCutFileSystem fs;
  std::size_t n_done = 0;
  int n_images = 0;
  bool is_looking = false;
  const auto look = [&] {
    if (is_looking) return;  // the images are opened through SQLite too
    is_looking = true;
    for (const PowerCutFileSystem::Loss loss : PowerCutFileSystem::kLosses) {
      SCOPED_TRACE(fmt::format("step {}, loss {}", n_done, static_cast<int>(loss)));
      fs.copy_after(loss, path(), image());
      const States states = read(image());
      EXPECT_TRUE(states == kAfter[n_done] ||
                  (n_done < std::size(kSteps) && states == kAfter[n_done + 1]));
      ++n_images;
    }
    is_looking = false;
  };
  {
    FaultyVfs watched;
    auto store = open(fs, path());
    ASSERT_TRUE(succeeds(store));
    fs.before_change = look;
    watched.before_call = look;
    for (const Step& step : kSteps) {
      ASSERT_TRUE(succeeds(take(*store, step)));
      ++n_done;
      look();
    }
    watched.before_call = {};
  }
  EXPECT_GT(n_images, 150);
}

// What failed half way and was done again is as safe as what went well at once.
TEST_F(DirStoreFaults, APowerCutAfterASecondAttempt) {
  int n_failed = 0;
  for (std::int64_t k = 0; k < 40; ++k) {
    SCOPED_TRACE(k);
    start_anew();
    PowerCutFileSystem fs;
    FaultyFileSystem faulty(fs, {.first = k});
    auto store = [&] {
      auto first = open(faulty, path());
      return first ? std::move(first) : open(faulty, path());
    }();
    ASSERT_TRUE(succeeds(store));
    Status status = take(*store, kSteps[0]);
    n_failed += status ? 0 : 1;
    if (!status) status = take(*store, kSteps[0]);
    ASSERT_TRUE(succeeds(status));
    for (const PowerCutFileSystem::Loss loss : PowerCutFileSystem::kLosses) {
      fs.copy_after(loss, path(), image());
      EXPECT_EQ(read(image()), kAfter[1]) << static_cast<int>(loss);
    }
  }
  EXPECT_GT(n_failed, 5);
}

// The first opening: a store is there, or can be made.
TEST_F(DirStoreFaults, APowerCutWhileAStoreIsMade) {
  PowerCutFileSystem fs;
  int n_images = 0;
  bool is_looking = false;
  const auto look = [&] {
    if (is_looking) return;
    is_looking = true;
    for (const PowerCutFileSystem::Loss loss : PowerCutFileSystem::kLosses) {
      fs.copy_after(loss, path(), image());
      auto store = open(posix_file_system(), image());
      ASSERT_TRUE(succeeds(store)) << static_cast<int>(loss);
      EXPECT_TRUE(succeeds(store->put(descriptor("a"), content_of(1, kBytes))));
      ++n_images;
    }
    is_looking = false;
  };
  FaultyVfs watched;
  fs.before_change = look;
  watched.before_call = look;
  ASSERT_TRUE(succeeds(open(fs, path())));
  watched.before_call = {};
  EXPECT_GT(n_images, 50);
}

}  // namespace
}  // namespace eddy::test
