// The operating system's file system behind the seam: results and errors of each call.
#include "base/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/retry.h"
#include "base/support/temporary_folder.h"

namespace eddy::test {
namespace {

class PosixFileSystem : public ::testing::Test {
 protected:
  int create(std::string_view name, unsigned mode = 0600) {
    const SysResult fd = fs.create(folder.path(name), mode);
    EXPECT_GE(fd, 0);
    return static_cast<int>(fd);
  }
  FileSystem& fs = posix_file_system();
  TemporaryFolder folder;
};

TEST_F(PosixFileSystem, PopulatesAnyPartOfAMapping) {
  folder.put("pages", std::string(3 * 4096 + 5, 'x'));
  const int fd = static_cast<int>(fs.open_to_read(folder.path("pages")));
  const std::byte* address = nullptr;
  ASSERT_EQ(fs.map(fd, 3 * 4096 + 5, &address), 0);
  const std::span<const std::byte> bytes(address, 3 * 4096 + 5);
  populate(bytes);
  populate(bytes.subspan(4097, 2));
  populate(bytes.last(1));
  populate(bytes.first(0));
  touch(bytes);
  EXPECT_TRUE(seems_in_memory(bytes));
  EXPECT_TRUE(seems_in_memory(bytes.subspan(4097, 2)));
  fs.unmap(bytes);
  EXPECT_EQ(fs.close(fd), 0);
}

TEST_F(PosixFileSystem, CreatesWritesSyncsAndRenames) {
  const int fd = create("one");
  const std::string_view text = "content";
  EXPECT_EQ(fs.write(fd, std::as_bytes(std::span(text))), 7);
  EXPECT_EQ(fs.size(fd), 7);
  EXPECT_EQ(fs.sync(fd), 0);
  EXPECT_EQ(fs.close(fd), 0);
  EXPECT_EQ(fs.rename(folder.path("one"), folder.path("two")), 0);
  EXPECT_EQ(folder.content("two"), "content");
  EXPECT_EQ(fs.remove(folder.path("two")), 0);
  EXPECT_TRUE(folder.names().empty());
}

TEST_F(PosixFileSystem, CreatesNewFilesOnly) {
  folder.put("file", "content");
  EXPECT_EQ(fs.create(folder.path("file"), 0600), -EEXIST);
  EXPECT_EQ(folder.content("file"), "content");
}

TEST_F(PosixFileSystem, DescriptorsAreNotInherited) {
  const int fd = create("file");
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  fs.close(fd);
  const auto read = static_cast<int>(fs.open_to_read(folder.path("file")));
  EXPECT_NE(::fcntl(read, F_GETFD) & FD_CLOEXEC, 0);
  fs.close(read);
}

TEST_F(PosixFileSystem, GivesTheNegativeErrorNumber) {
  const std::string missing = folder.path("missing");
  EXPECT_EQ(fs.open_to_read(missing), -ENOENT);
  EXPECT_EQ(fs.remove(missing), -ENOENT);
  EXPECT_EQ(fs.rename(missing, folder.path("other")), -ENOENT);
  EXPECT_EQ(fs.create(folder.path("missing/file"), 0600), -ENOENT);
  EXPECT_EQ(fs.close(-1), -EBADF);
  EXPECT_EQ(fs.sync(-1), -EBADF);
  EXPECT_EQ(fs.size(-1), -EBADF);
  EXPECT_EQ(fs.write(-1, std::as_bytes(std::span("x"))), -EBADF);
  const std::byte* address = nullptr;
  EXPECT_EQ(fs.map(-1, 1, &address), -EBADF);
}

TEST_F(PosixFileSystem, AFullDeviceSaysSo) {
  const int fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  if (fd < 0) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(fs.write(fd, std::as_bytes(std::span("x"))), -ENOSPC);
  fs.close(fd);
}

TEST_F(PosixFileSystem, FoldersAndDevicesHaveNoSize) {
  const auto fd = static_cast<int>(fs.open_to_read(folder.path()));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(fs.size(fd), -EISDIR);
  EXPECT_EQ(fs.sync(fd), 0);
  fs.close(fd);
  const auto null = static_cast<int>(fs.open_to_read("/dev/null"));
  ASSERT_GE(null, 0);
  EXPECT_EQ(fs.size(null), -EINVAL);
  fs.close(null);
}

TEST_F(PosixFileSystem, MakesFoldersAndListsThem) {
  const std::string inner = folder.path("inner");
  EXPECT_EQ(fs.make_folder(inner, 0700), 0);
  EXPECT_EQ(fs.make_folder(inner, 0700), -EEXIST);
  EXPECT_EQ(fs.make_folder(folder.path("missing/inner"), 0700), -ENOENT);
  struct stat status;
  ASSERT_EQ(::stat(inner.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
  folder.put("file", "content");
  folder.put(".hidden", "content");
  std::vector<std::string> names = {"kept"};
  EXPECT_EQ(fs.list(folder.path(), names), 0);
  EXPECT_EQ((std::set<std::string>(names.begin(), names.end())),
            (std::set<std::string>{"kept", "inner", "file", ".hidden"}));
  EXPECT_EQ(fs.list(folder.path("missing"), names), -ENOENT);
  EXPECT_EQ(fs.list(folder.path("file"), names), -ENOTDIR);
}

TEST_F(PosixFileSystem, ALockIsHeldOnce) {
  folder.put("lock", "");
  const auto one = static_cast<int>(fs.open_to_read(folder.path("lock")));
  const auto two = static_cast<int>(fs.open_to_read(folder.path("lock")));
  EXPECT_EQ(fs.lock(one), 0);
  EXPECT_EQ(fs.lock(two), -EWOULDBLOCK);
  fs.close(one);
  EXPECT_EQ(fs.lock(two), 0);
  fs.close(two);
  EXPECT_EQ(fs.lock(-1), -EBADF);
}

TEST(FileError, HasACodeAPathAndTheSystemsWords) {
  const Error error = file_error("a/b", "cannot open", -ENOENT);
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(error.message, std::string("a/b: cannot open: ") + std::strerror(ENOENT));
  EXPECT_EQ(file_error("a", "b", -ENOMEM).code, ErrorCode::kOutOfMemory);
  for (const int number : {EIO, EACCES, ENOSPC, EISDIR, EAGAIN}) {
    EXPECT_EQ(file_error("a", "b", -number).code, ErrorCode::kIo) << number;
  }
}

TEST(Retry, RepeatsInterruptedCallsAlone) {
  for (const int n_interrupted : {0, 1, 5}) {
    for (const SysResult last : {SysResult{0}, SysResult{7}, SysResult{-EIO}, SysResult{-EAGAIN}}) {
      int n_calls = 0;
      EXPECT_EQ(retry([&]() -> SysResult { return n_calls++ < n_interrupted ? -EINTR : last; }),
                last);
      EXPECT_EQ(n_calls, n_interrupted + 1);
    }
  }
}

}  // namespace
}  // namespace eddy::test
