// AtomicFile where any call to the file system fails, in any way: the error is typed and names the
// path, which has its old content or the new one whole; nothing else is left, nothing stays open.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "base/atomic_file.h"
#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/file_world.h"

namespace eddy::test {
namespace {

constexpr int kErrors[] = {EIO, ENOSPC, EAGAIN, EDQUOT, EACCES, ENOMEM, ENOENT, EROFS};
constexpr std::int64_t kForever = 1'000'000;
constexpr std::string_view kOld = "old content";
constexpr std::string_view kNewContent = "the new content";

// The calls of write_new, in order, when all goes well.
const std::vector<std::string> kCalls = {"create", "write",        "write", "sync", "close",
                                         "rename", "open_to_read", "sync",  "close"};
constexpr std::size_t kFolderCalls = 6;  // the number of the first call after the rename

Status write_new(FileSystem& fs, const std::string& path) {
  auto file = AtomicFile::create(fs, path);
  if (!file) return file.error();
  const auto bytes = std::as_bytes(std::span(kNewContent));
  Status status = file->write(bytes.first(4));
  if (status) status = file->write(bytes.subspan(4));
  return status ? file->commit() : status;
}

ErrorCode code_of(int error) {
  if (error == ENOENT) return ErrorCode::kNotFound;
  return error == ENOMEM ? ErrorCode::kOutOfMemory : ErrorCode::kIo;
}

template <class World>
class AtomicFileFaults : public ::testing::Test {
 protected:
  // Writes with a fault, over an old file or where none is.
  Status write(Fault fault, bool has_old) {
    if (has_old) world.put("file", kOld);
    FaultyFileSystem faulty(world.fs(), fault);
    Status status = write_new(faulty, path());
    calls = faulty.calls();
    return status;
  }

  std::string path() { return world.path("file"); }

  // The file and nothing beside it, nothing open; then all is gone.
  void expect_content(std::optional<std::string_view> content) {
    EXPECT_EQ(world.content("file"), content);
    EXPECT_EQ(world.names().size(), content ? 1u : 0u);
    EXPECT_EQ(world.n_open(), 0);
    if (content) world.fs().remove(path());
  }

  World world;
  std::vector<std::string> calls;
};
using Worlds = ::testing::Types<DiskWorld, MemoryWorld>;
TYPED_TEST_SUITE(AtomicFileFaults, Worlds);

TYPED_TEST(AtomicFileFaults, WithoutAFaultTheseAreTheCalls) {
  EXPECT_TRUE(succeeds(this->write({}, true)));
  EXPECT_EQ(this->calls, kCalls);
  this->expect_content(kNewContent);
}

TYPED_TEST(AtomicFileFaults, AnyCallWithAnyError) {
  for (const bool has_old : {true, false}) {
    for (std::size_t k = 0; k + 1 < kCalls.size(); ++k) {
      for (const int error : kErrors) {
        SCOPED_TRACE(kCalls[k] + " " + std::to_string(k) + ": " + std::strerror(error));
        const Status status = this->write({static_cast<std::int64_t>(k), 1, -error}, has_old);
        const bool renamed = k >= kFolderCalls;
        const std::string named = renamed ? this->world.folder() + ": " : this->path() + ": ";
        EXPECT_TRUE(fails_with(status, code_of(error), {named, std::strerror(error)}));
        if (renamed) {
          this->expect_content(kNewContent);
        } else {
          this->expect_content(has_old ? std::optional(kOld) : std::nullopt);
        }
      }
    }
  }
}

// The folder was only read: its descriptor's close has nothing to lose.
TYPED_TEST(AtomicFileFaults, TheLastCloseDoesNotMatter) {
  EXPECT_TRUE(succeeds(this->write({static_cast<std::int64_t>(kCalls.size()) - 1}, true)));
  this->expect_content(kNewContent);
}

TYPED_TEST(AtomicFileFaults, AnInterruptedCallIsRepeated) {
  for (std::size_t k = 0; k < kCalls.size(); ++k) {
    for (const std::int64_t n : {1, 3}) {
      SCOPED_TRACE(kCalls[k]);
      EXPECT_TRUE(succeeds(this->write({static_cast<std::int64_t>(k), n, -EINTR}, true)));
      // A close that was interrupted is done: repeating it could close another's descriptor.
      const auto n_repeated = this->calls.size() - kCalls.size();
      if (n == 1) {
        EXPECT_EQ(n_repeated, kCalls[k] == "close" ? 0u : 1u);
      }
      this->expect_content(kNewContent);
    }
  }
}

TYPED_TEST(AtomicFileFaults, ShortWritesAreContinued) {
  for (const std::int64_t most : {1, 2, 3, 100}) {
    EXPECT_TRUE(succeeds(this->write({0, kForever, most}, true)));
    this->expect_content(kNewContent);
  }
  EXPECT_TRUE(succeeds(this->write({2, 1, 1}, true)));
  this->expect_content(kNewContent);
}

TYPED_TEST(AtomicFileFaults, AWriteOfNothingIsAFullDevice) {
  for (const std::int64_t k : {1, 2}) {
    EXPECT_TRUE(fails_with(this->write({k, 1, 0}, true), ErrorCode::kIo,
                           {this->path(), "cannot write", std::strerror(ENOSPC)}));
    this->expect_content(kOld);
  }
}

// Where removing fails too, the temporary file stays; the path is right nevertheless.
TYPED_TEST(AtomicFileFaults, ADiskThatIsGone) {
  for (std::size_t k = 0; k + 1 < kCalls.size(); ++k) {
    SCOPED_TRACE(kCalls[k]);
    const Status status = this->write({static_cast<std::int64_t>(k), kForever, -EIO}, true);
    EXPECT_TRUE(fails_with(status, ErrorCode::kIo));
    EXPECT_EQ(this->world.content("file"), k >= kFolderCalls ? kNewContent : kOld);
    EXPECT_EQ(this->world.n_open(), 0);
    for (const std::string& name : this->world.names()) {
      EXPECT_TRUE(name.starts_with("file")) << name;
      if (name != "file") {
        EXPECT_TRUE(name.ends_with(".tmp")) << name;
      }
      this->world.fs().remove(this->world.path(name));
    }
  }
}

}  // namespace
}  // namespace eddy::test
