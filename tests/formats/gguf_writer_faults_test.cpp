// Writing a file over another where any call fails: the path has the old file or the whole new one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/file_world.h"
#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "formats/support/built_file.h"

namespace eddy::test {
namespace {

template <class World>
class GgufWriterFaults : public ::testing::Test {
 protected:
  GgufWriterFaults() {
    writer.add("general.architecture", "mamba");
    writer.add_tensor({.name = "one", .ne = {5}});
    writer.add_tensor({.name = "two", .type = DType::kQ8_0, .ne = {32}});
    world.put("m.gguf", "old");
  }

  Status write(FileSystem& fs, const GgufSource& source) {
    return writer.write(fs, world.path("m.gguf"), source);
  }

  static Status right_source(std::size_t i, const GgufSink& sink) {
    return sink(Bytes(i == 0 ? 20 : 34, std::byte{7}));
  }

  // The old content, and nothing beside it.
  void expect_old() {
    EXPECT_EQ(world.content("m.gguf"), "old");
    EXPECT_EQ(world.names().size(), 1u);
    EXPECT_EQ(world.n_open(), 0);
  }

  World world;
  GgufWriter writer;
};
using Worlds = ::testing::Types<DiskWorld, MemoryWorld>;
TYPED_TEST_SUITE(GgufWriterFaults, Worlds);

TYPED_TEST(GgufWriterFaults, WithoutAFaultTheFileIsReplaced) {
  ASSERT_TRUE(succeeds(this->write(this->world.fs(), this->right_source)));
  const auto file = GgufFile::open(this->world.fs(), this->world.path("m.gguf"));
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(*file->template get<std::string_view>("general.architecture"), "mamba");
  EXPECT_EQ(file->find_tensor("two")->data.size(), 34u);
  EXPECT_EQ(file->find_tensor("two")->data[33], std::byte{7});
  EXPECT_EQ(this->world.names().size(), 1u);
}

TYPED_TEST(GgufWriterFaults, AnyCallWithAnyError) {
  bool is_done = false;
  for (std::int64_t k = 0; !is_done; ++k) {
    for (const int error : {ENOSPC, EIO, EDQUOT}) {
      FaultyFileSystem faulty(this->world.fs(), {k, 1, -error});
      const Status status = this->write(faulty, this->right_source);
      const auto& calls = faulty.calls();
      const bool renamed = std::ranges::find(calls, "open_to_read") != calls.end();
      is_done = renamed;
      if (renamed) break;
      EXPECT_TRUE(
          fails_with(status, ErrorCode::kIo, {this->world.path("m.gguf"), std::strerror(error)}));
      this->expect_old();
    }
    ASSERT_LT(k, 20);
    if (is_done) {
      EXPECT_GE(k, 9);  // create, writes of tables, data and padding, sync, close, rename
    }
  }
}

TYPED_TEST(GgufWriterFaults, ShortAndInterruptedWritesAreContinued) {
  ASSERT_TRUE(succeeds(this->write(this->world.fs(), this->right_source)));
  const auto expected = this->world.content("m.gguf");
  for (const Fault fault : {Fault{0, 1'000'000, 1}, Fault{0, 3, -EINTR}, Fault{4, 3, -EINTR}}) {
    this->world.put("m.gguf", "old");
    FaultyFileSystem faulty(this->world.fs(), fault);
    ASSERT_TRUE(succeeds(this->write(faulty, this->right_source)));
    EXPECT_TRUE(this->world.content("m.gguf") == expected);
  }
}

TYPED_TEST(GgufWriterFaults, ASourceThatFailsLeavesTheOldFile) {
  for (std::size_t wrong = 0; wrong < 2; ++wrong) {
    const auto source = [&](std::size_t i, const GgufSink& sink) -> Status {
      if (i == wrong) return Error{ErrorCode::kCancelled, "stop"};
      return this->right_source(i, sink);
    };
    EXPECT_TRUE(fails_with(this->write(this->world.fs(), source), ErrorCode::kCancelled, {"stop"}));
    this->expect_old();
  }
}

TYPED_TEST(GgufWriterFaults, ASourceWithOtherBytesLeavesTheOldFile) {
  const auto source = [](std::size_t, const GgufSink& sink) { return sink(Bytes(20)); };
  EXPECT_TRUE(fails_with(this->write(this->world.fs(), source), ErrorCode::kInvalidArgument,
                         {"tensor \"two\": 20 bytes, expected 34"}));
  this->expect_old();
}

TYPED_TEST(GgufWriterFaults, WhatWasAddedWronglyTouchesNoFile) {
  this->writer.add("", true);
  FaultyFileSystem watched(this->world.fs());
  EXPECT_TRUE(fails_with(this->write(watched, this->right_source), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(watched.calls().empty());
  this->expect_old();
}

TYPED_TEST(GgufWriterFaults, AMissingFolderIsNotFound) {
  EXPECT_TRUE(fails_with(
      this->writer.write(this->world.fs(), this->world.path("no/m.gguf"), this->right_source),
      ErrorCode::kNotFound, {this->world.path("no/m.gguf")}));
}

}  // namespace
}  // namespace eddy::test
