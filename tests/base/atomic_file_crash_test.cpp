// A power cut before any call of AtomicFile, with and without a failing call: what it leaves at the
// path is the old content or the whole new one.
#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/memory_file_system.h"

namespace eddy::test {
namespace {

using Content = MemoryFileSystem::Content;

const std::string kPath = "folder/file";
const std::string kNew = "the new content";

// Looks at the disk before each call of a write of kNew, and after the last.
void write_and_cut(const Content& old, Fault fault, bool& is_ok, std::set<Content>& seen) {
  MemoryFileSystem fs;
  fs.add_folder("folder");
  if (old) fs.put(kPath, *old);
  FaultyFileSystem watched(fs, fault);
  const auto look = [&] {
    seen.merge(fs.after_power_cut(kPath));
    seen.insert(fs.content(kPath));  // after a crash of the process alone
  };
  watched.before_call = look;
  is_ok = atomic_write_file(watched, kPath, std::as_bytes(std::span(kNew))).ok();
  look();
  if (is_ok) {
    EXPECT_EQ(fs.after_power_cut(kPath), std::set<Content>{kNew});
  }
}

class AtomicFileCrash : public ::testing::TestWithParam<Content> {};

TEST_P(AtomicFileCrash, LeavesTheOldOrTheNew) {
  bool is_ok = false;
  std::set<Content> seen;
  write_and_cut(GetParam(), {}, is_ok, seen);
  EXPECT_TRUE(is_ok);
  EXPECT_EQ(seen, (std::set<Content>{GetParam(), kNew}));
}

TEST_P(AtomicFileCrash, LeavesTheOldOrTheNewAlsoAfterAnError) {
  for (std::int64_t k = 0; k < 8; ++k) {
    for (const std::int64_t result : {-EIO, -EINTR, 0, 1}) {
      SCOPED_TRACE(std::to_string(k) + ": " + std::to_string(result));
      bool is_ok = false;
      std::set<Content> seen;
      write_and_cut(GetParam(), {k, 1, result}, is_ok, seen);
      for (const Content& content : seen) EXPECT_TRUE(content == GetParam() || content == kNew);
      if (result == -EIO && k < 7) {
        EXPECT_FALSE(is_ok);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OldContent, AtomicFileCrash,
                         ::testing::Values(Content(), Content("old content"), Content("")));

// The simulation itself: without the syncs, a power cut shows.
TEST(MemoryFileSystem, TearsWhatWasNotSynced) {
  MemoryFileSystem fs;
  const auto fd = static_cast<int>(fs.create("file", 0600));
  EXPECT_EQ(fs.write(fd, std::as_bytes(std::span(kNew))), static_cast<SysResult>(kNew.size()));
  const Content torn{std::string(MemoryFileSystem::kTorn)};
  EXPECT_EQ(fs.after_power_cut("file"), (std::set<Content>{std::nullopt, torn}));
  EXPECT_EQ(fs.sync(fd), 0);
  EXPECT_EQ(fs.after_power_cut("file"), (std::set<Content>{std::nullopt, kNew}));
  const auto folder = static_cast<int>(fs.open_to_read("."));
  EXPECT_EQ(fs.sync(folder), 0);
  EXPECT_EQ(fs.after_power_cut("file"), std::set<Content>{kNew});
  EXPECT_EQ(fs.rename("file", "other"), 0);
  EXPECT_EQ(fs.after_power_cut("file"), (std::set<Content>{std::nullopt, kNew}));
  EXPECT_EQ(fs.n_open(), 2u);
}

}  // namespace
}  // namespace eddy::test
