#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/file_world.h"

namespace eddy::test {
namespace {

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

template <class World>
class MappedFileTest : public ::testing::Test {
 protected:
  Result<MappedFile> open(std::string_view name) {
    return MappedFile::open(world.fs(), world.path(name));
  }
  World world;
};
using Worlds = ::testing::Types<DiskWorld, MemoryWorld>;
TYPED_TEST_SUITE(MappedFileTest, Worlds);

TYPED_TEST(MappedFileTest, HasTheBytesOfTheFile) {
  for (const std::size_t n : {1U, 15U, 4096U, 100'000U}) {
    std::string content(n, 'x');
    for (std::size_t i = 0; i < n; ++i) content[i] = static_cast<char>(i * i % 251);
    this->world.put("file", content);
    const auto file = this->open("file");
    ASSERT_TRUE(succeeds(file));
    EXPECT_EQ(text_of(*file), content);
    file->prefetch();
  }
  EXPECT_EQ(this->world.n_open(), 0);
}

TYPED_TEST(MappedFileTest, AnEmptyFileHasNoBytes) {
  this->world.put("empty", "");
  const auto file = this->open("empty");
  ASSERT_TRUE(succeeds(file));
  EXPECT_TRUE(file->bytes().empty());
  file->prefetch();
  EXPECT_EQ(this->world.n_open(), 0);
}

TYPED_TEST(MappedFileTest, KeepsItsAddressWhenItIsMoved) {
  this->world.put("one", "first");
  this->world.put("two", "second");
  {
    auto one = this->open("one");
    auto two = this->open("two");
    ASSERT_TRUE(succeeds(one));
    ASSERT_TRUE(succeeds(two));
    const auto* const address = one->bytes().data();
    MappedFile moved(std::move(*one));
    EXPECT_EQ(moved.bytes().data(), address);
    EXPECT_EQ(text_of(moved), "first");
    *two = std::move(moved);
    EXPECT_EQ(two->bytes().data(), address);
    EXPECT_EQ(text_of(*two), "first");
  }
  EXPECT_EQ(this->world.n_open(), 0);
}

TYPED_TEST(MappedFileTest, OutlivesTheFilesName) {
  this->world.put("file", "content");
  const auto file = this->open("file");
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(this->world.fs().remove(this->world.path("file")), 0);
  EXPECT_EQ(text_of(*file), "content");
}

TYPED_TEST(MappedFileTest, AMissingFileIsNotFound) {
  EXPECT_TRUE(fails_with(this->open("missing"), ErrorCode::kNotFound,
                         {this->world.path("missing"), "cannot open", std::strerror(ENOENT)}));
}

TYPED_TEST(MappedFileTest, AFolderIsNoFile) {
  EXPECT_TRUE(fails_with(MappedFile::open(this->world.fs(), this->world.folder()), ErrorCode::kIo,
                         {this->world.folder(), std::strerror(EISDIR)}));
  EXPECT_EQ(this->world.n_open(), 0);
}

TYPED_TEST(MappedFileTest, AnyCallWithAnyError) {
  this->world.put("file", "content");
  const char* const what[] = {"cannot open", "no file to be read", "cannot map"};
  for (std::int64_t k = 0; k < 3; ++k) {
    for (const int error : {EIO, ENOMEM, ENOENT, EACCES, EAGAIN, ENOSPC}) {
      FaultyFileSystem faulty(this->world.fs(), {k, 1, -error});
      const ErrorCode code = error == ENOENT   ? ErrorCode::kNotFound
                             : error == ENOMEM ? ErrorCode::kOutOfMemory
                                               : ErrorCode::kIo;
      EXPECT_TRUE(fails_with(MappedFile::open(faulty, this->world.path("file")), code,
                             {this->world.path("file"), what[k], std::strerror(error)}));
      EXPECT_EQ(this->world.n_open(), 0);
    }
  }
}

TYPED_TEST(MappedFileTest, InterruptionsOfOpenAreRepeatedAndClosesDoNotMatter) {
  this->world.put("file", "content");
  for (const Fault fault : {Fault{0, 3, -EINTR}, Fault{3, 1, -EINTR}, Fault{3, 1, -EIO}}) {
    FaultyFileSystem faulty(this->world.fs(), fault);
    {
      const auto file = MappedFile::open(faulty, this->world.path("file"));
      ASSERT_TRUE(succeeds(file));
      EXPECT_EQ(text_of(*file), "content");
      EXPECT_EQ(faulty.calls().size(), fault.first == 0 ? 7u : 4u);
    }
    EXPECT_EQ(this->world.n_open(), 0);
  }
}

TEST(MappedFile, APipeIsNoFileAndDoesNotBlock) {
  DiskWorld world;
  ASSERT_EQ(::mkfifo(world.path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(fails_with(MappedFile::open(world.fs(), world.path("pipe")), ErrorCode::kIo,
                         {world.path("pipe"), "no file to be read"}));
  EXPECT_TRUE(fails_with(MappedFile::open(world.fs(), "/dev/null"), ErrorCode::kIo, {"/dev/null"}));
  EXPECT_EQ(world.n_open(), 0);
}

TEST(MappedFile, PrefetchesWhatItHas) {
  MemoryWorld world;
  world.put("file", "content");
  auto file = MappedFile::open(world.fs(), world.path("file"));
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(world.fs().n_prefetched(), 0);
  file->prefetch();
  EXPECT_EQ(world.fs().n_prefetched(), 1);
}

}  // namespace
}  // namespace eddy::test
