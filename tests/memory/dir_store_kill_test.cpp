// A writer that is killed at any instant: what it had said was put is there, and what it was
// putting is there whole or not at all.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <random>
#include <thread>

#include "base/support/fails_with.h"
#include "base/support/sanitized.h"
#include "memory/dir_store.h"
#include "support/store_worlds.h"

namespace eddy::test {
namespace {

constexpr int kKills = kIsSanitized ? 50 : 200;
constexpr int kNames = 4;
constexpr int kMostPuts = 12;  // that a writer has time for

std::string name_of(int i) { return "state " + std::to_string(i); }
std::size_t size_of(std::uint64_t version) { return 1000 + version * 7919 % 60'000; }
std::vector<std::byte> content(int i, std::uint64_t version) {
  return content_of(version * kNames + static_cast<std::uint64_t>(i), size_of(version));
}

// The version of each name: 0, it is not there.
using Versions = std::array<std::uint64_t, kNames>;

struct Place {
  std::string folder;
  Outlives outlives;
};

// The child: puts one version after the other, and says so when it is done.
[[noreturn]] void write_for_ever(const Place& place, Versions versions, int report) {
  auto store = DirStore::open(posix_file_system(), place.folder, {.outlives = place.outlives});
  if (!store) _exit(1);
  for (int i = 0;; i = (i + 1) % kNames) {
    const std::uint64_t version = ++versions[static_cast<std::size_t>(i)];
    const Status put =
        store->put(descriptor(name_of(i), static_cast<Pos>(version)), content(i, version));
    const auto said = static_cast<char>(i);
    if (!put || ::write(report, &said, 1) != 1) _exit(1);
  }
}

// A process that writes until it is killed.
class Writer {
 public:
  Writer(const Place& place, Versions versions) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::close(ends[0]);
      write_for_ever(place, versions, ends[1]);
    }
    ::close(ends[1]);
    said_ = ends[0];
  }
  ~Writer() { ::close(said_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The next name that it says it has put; none when it is gone and has said no more.
  std::optional<std::size_t> next() {
    char i = 0;
    if (::read(said_, &i, 1) != 1) return std::nullopt;
    return static_cast<std::size_t>(i);
  }
  void kill() {
    ::kill(child_, SIGKILL);
    int status = 0;
    ::waitpid(child_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
  }

 private:
  pid_t child_;
  int said_;
};

// How long a writer takes here for so many puts.
std::chrono::microseconds time_of_puts(const Place& place, int n_puts) {
  const auto begin = std::chrono::steady_clock::now();
  Writer writer(place, {});
  for (int i = 0; i < n_puts; ++i) EXPECT_TRUE(writer.next());
  const auto end = std::chrono::steady_clock::now();
  writer.kill();
  return std::chrono::duration_cast<std::chrono::microseconds>(end - begin);
}

// Kills a writer after a while; the versions that it has said were put.
Versions write_and_kill(const Place& place, Versions versions, std::chrono::microseconds wait) {
  Writer writer(place, versions);
  std::this_thread::sleep_for(wait);
  writer.kill();
  while (const auto i = writer.next()) ++versions[*i];
  return versions;
}

class DirStoreKill : public ::testing::TestWithParam<Outlives> {};
INSTANTIATE_TEST_SUITE_P(Outlives, DirStoreKill,
                         ::testing::Values(Outlives::kPowerCut, Outlives::kProcess));

TEST_P(DirStoreKill, LeavesTheOldOrTheNew) {
  const TemporaryFolder folder(quick_place());
  const Place place = {.folder = folder.path("store"), .outlives = GetParam()};
  const auto longest =
      time_of_puts({.folder = folder.path("timing"), .outlives = GetParam()}, kMostPuts);
  std::mt19937 random(7);
  Versions known = {};
  int n_unsaid = 0, n_orphans = 0;
  std::uint64_t n_puts = 0;
  for (int k = 0; k < kKills; ++k) {
    const Versions before = known;
    known = write_and_kill(place, known, longest * (random() % 1000) / 1000);
    auto store = DirStore::open(posix_file_system(), place.folder);
    ASSERT_TRUE(succeeds(store)) << "kill " << k;
    ASSERT_FALSE(store->repairs().is_rebuilt) << store->repairs().reason;
    n_orphans += static_cast<int>(store->repairs().n_orphans);
    int n_newer = 0;
    for (int i = 0; i < kNames; ++i) {
      std::uint64_t& version = known[static_cast<std::size_t>(i)];
      n_puts += version - before[static_cast<std::size_t>(i)];
      const auto stored = store->get(name_of(i));
      if (!stored && stored.error().code == ErrorCode::kNotFound && version == 0) continue;
      ASSERT_TRUE(succeeds(stored)) << "kill " << k;
      const auto found = static_cast<std::uint64_t>(stored->entry.state.position);
      ASSERT_TRUE(found == version || found == version + 1) << found << ", said " << version;
      ASSERT_TRUE(std::ranges::equal(stored->bytes, content(i, found))) << "kill " << k;
      n_newer += found == version ? 0 : 1;
      version = found;
    }
    ASSERT_LE(n_newer, 1);  // it puts one at a time
    n_unsaid += n_newer;
  }
  std::printf("%d kills, %llu puts, %d of them done but not yet said, %d orphans collected\n",
              kKills, static_cast<unsigned long long>(n_puts), n_unsaid, n_orphans);
  EXPECT_GT(n_puts, kKills / 2u);
}

}  // namespace
}  // namespace eddy::test
