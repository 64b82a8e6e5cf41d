#include "base/atomic_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/file_world.h"

namespace eddy::test {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// What an earlier run with this process's number may have left behind.
std::string temporary_name(std::string_view path, int i) {
  return fmt::format("{}.{}-{}.tmp", path, ::getpid(), i);
}

template <class World>
class AtomicFileTest : public ::testing::Test {
 protected:
  World world;
};
using Worlds = ::testing::Types<DiskWorld, MemoryWorld>;
TYPED_TEST_SUITE(AtomicFileTest, Worlds);

TYPED_TEST(AtomicFileTest, MakesAFile) {
  auto& world = this->world;
  ASSERT_TRUE(succeeds(atomic_write_file(world.fs(), world.path("new"), bytes_of("content"))));
  EXPECT_EQ(world.content("new"), "content");
  EXPECT_EQ(world.names(), std::set<std::string>{"new"});
  EXPECT_EQ(world.n_open(), 0);
}

TYPED_TEST(AtomicFileTest, ReplacesAFileAtTheCommit) {
  auto& world = this->world;
  world.put("file", "old, and longer than the new one");
  auto file = AtomicFile::create(world.fs(), world.path("file"));
  ASSERT_TRUE(succeeds(file));
  ASSERT_TRUE(file->write(bytes_of("ne")).ok());
  ASSERT_TRUE(file->write({}).ok());
  ASSERT_TRUE(file->write(bytes_of("w")).ok());
  EXPECT_EQ(world.content("file"), "old, and longer than the new one");
  ASSERT_TRUE(succeeds(file->commit()));
  EXPECT_EQ(world.content("file"), "new");
  EXPECT_EQ(world.names(), std::set<std::string>{"file"});
  EXPECT_EQ(world.n_open(), 0);
}

TYPED_TEST(AtomicFileTest, WithoutACommitNothingHasHappened) {
  auto& world = this->world;
  world.put("file", "old");
  {
    auto file = AtomicFile::create(world.fs(), world.path("file"));
    ASSERT_TRUE(succeeds(file));
    ASSERT_TRUE(file->write(bytes_of("new")).ok());
    AtomicFile moved = std::move(*file);
    EXPECT_EQ(world.names().size(), 2u);
  }
  EXPECT_EQ(world.content("file"), "old");
  EXPECT_EQ(world.names(), std::set<std::string>{"file"});
  EXPECT_EQ(world.n_open(), 0);
}

TYPED_TEST(AtomicFileTest, IsMovedWithItsDuties) {
  auto& world = this->world;
  {
    auto file = AtomicFile::create(world.fs(), world.path("file"));
    ASSERT_TRUE(succeeds(file));
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.write(bytes_of("new")).ok());
    ASSERT_TRUE(succeeds(moved.commit()));
  }
  EXPECT_EQ(world.content("file"), "new");
  EXPECT_EQ(world.n_open(), 0);
}

TYPED_TEST(AtomicFileTest, TwoAtATimeDoNotMix) {
  auto& world = this->world;
  auto one = AtomicFile::create(world.fs(), world.path("file"));
  auto two = AtomicFile::create(world.fs(), world.path("file"));
  ASSERT_TRUE(succeeds(one));
  ASSERT_TRUE(succeeds(two));
  ASSERT_TRUE(one->write(bytes_of("one")).ok());
  ASSERT_TRUE(two->write(bytes_of("two")).ok());
  ASSERT_TRUE(succeeds(two->commit()));
  EXPECT_EQ(world.content("file"), "two");
  ASSERT_TRUE(succeeds(one->commit()));
  EXPECT_EQ(world.content("file"), "one");
}

TYPED_TEST(AtomicFileTest, ALeftoverOfACrashIsNotInTheWay) {
  auto& world = this->world;
  const std::string leftover = temporary_name("file", 0);
  world.put(leftover, "leftover");
  ASSERT_TRUE(succeeds(atomic_write_file(world.fs(), world.path("file"), bytes_of("new"))));
  EXPECT_EQ(world.content("file"), "new");
  EXPECT_EQ(world.content(leftover), "leftover");
}

TYPED_TEST(AtomicFileTest, GivesUpWhereAllNamesAreTaken) {
  auto& world = this->world;
  for (int i = 0; i < 100; ++i) world.put(temporary_name("file", i), "");
  EXPECT_TRUE(fails_with(AtomicFile::create(world.fs(), world.path("file")), ErrorCode::kIo,
                         {world.path("file"), "cannot create", "File exists"}));
  EXPECT_EQ(world.names().size(), 100u);
}

TYPED_TEST(AtomicFileTest, AMissingFolderIsNotFound) {
  auto& world = this->world;
  const std::string path = world.path("missing/file");
  EXPECT_TRUE(fails_with(AtomicFile::create(world.fs(), path), ErrorCode::kNotFound, {path}));
}

TEST(AtomicFile, AFolderIsNotReplaced) {
  DiskWorld world;
  std::filesystem::create_directory(world.path("folder"));
  EXPECT_TRUE(fails_with(atomic_write_file(world.fs(), world.path("folder"), bytes_of("new")),
                         ErrorCode::kIo,
                         {world.path("folder"), "cannot replace", "Is a directory"}));
  EXPECT_EQ(world.names(), std::set<std::string>{"folder"});
}

TEST(AtomicFile, HasTheModeAskedForLessTheUmask) {
  DiskWorld world;
  const mode_t old_umask = ::umask(022);
  const auto mode_of_new = [&](unsigned mode) {
    EXPECT_TRUE(atomic_write_file(world.fs(), world.path("file"), bytes_of("x"), mode).ok());
    struct stat status = {};
    EXPECT_EQ(::stat(world.path("file").c_str(), &status), 0);
    return status.st_mode & 0777u;
  };
  EXPECT_EQ(mode_of_new(kPrivateMode), 0600u);
  EXPECT_EQ(mode_of_new(kPublicMode), 0644u);
  EXPECT_EQ(mode_of_new(kPrivateMode), 0600u);
  ::umask(old_umask);
}

// The order of the calls is what makes it safe, and their number what the faults below go through.
TEST(AtomicFile, SyncsBeforeItRenamesAndTheFolderAfter) {
  MemoryWorld world;
  FaultyFileSystem watched(world.fs());
  ASSERT_TRUE(succeeds(atomic_write_file(watched, world.path("file"), bytes_of("new"))));
  const std::vector<std::string> expected = {"create", "write",        "sync", "close",
                                             "rename", "open_to_read", "sync", "close"};
  EXPECT_EQ(watched.calls(), expected);
}

TEST(AtomicFile, FindsTheFolderOfAnyPath) {
  for (const char* path : {"file", "/file", "deep/folder/file", "/deep/folder/file", "folder//f"}) {
    MemoryFileSystem fs;
    for (const char* folder : {"deep/folder", "/deep/folder", "folder/"}) fs.add_folder(folder);
    EXPECT_TRUE(succeeds(atomic_write_file(fs, path, bytes_of("new")))) << path;
    EXPECT_EQ(fs.after_power_cut(path), std::set<MemoryFileSystem::Content>{"new"}) << path;
  }
}

}  // namespace
}  // namespace eddy::test
