// I3: besides the bytes of the file, a parse takes at most twice their number and 1 MiB of memory,
// whatever the bytes are; in particular where counts are lies.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/support/allocation_meter.h"
#include "base/support/fails_with.h"
#include "formats/gguf.h"
#include "formats/support/built_file.h"

namespace eddy::test {
namespace {

constexpr std::uint64_t kMaxEntries = 8192;
constexpr std::uint64_t kMaxTensors = 65536;

// The most memory that a parse of the bytes held at one time.
std::int64_t memory_of_parse(const Bytes& bytes) {
  const std::int64_t before = n_allocated_bytes();
  reset_peak();
  const auto file = GgufFile::parse(bytes, "m.gguf");
  return peak_allocated_bytes() - before;
}

void expect_bounded(const Bytes& bytes) {
  const std::int64_t most = 2 * static_cast<std::int64_t>(bytes.size()) + (1 << 20);
  EXPECT_LE(memory_of_parse(bytes), most) << bytes.size() << " bytes";
}

// Short keys of one byte values.
void add_entries(BuiltFile& file, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto key = std::string{static_cast<char>(1 + i % 127), static_cast<char>(1 + i / 127)};
    file.entries.push_back(number_entry(key, 0, std::uint8_t{0}));
  }
}

// Tensors of one byte, aligned to 8.
void add_tensors(BuiltFile& file, std::uint64_t n) {
  file.entries.push_back(number_entry("general.alignment", 4, std::uint32_t{8}));
  file.alignment = 8;
  for (std::uint64_t i = 0; i < n; ++i) {
    file.tensors.push_back(
        {.name = fmt::format("{:x}", i), .ne = {1}, .type = 24, .offset = 8 * i});
  }
  file.n_data = 8 * n;
}

TEST(GgufMemory, TheGreatestTables) {
  BuiltFile file;
  add_entries(file, kMaxEntries - 1);
  add_tensors(file, kMaxTensors);
  const Bytes bytes = file.bytes();
  ASSERT_TRUE(succeeds(GgufFile::parse(bytes, "m.gguf")));
  expect_bounded(bytes);
}

TEST(GgufMemory, ManyEntriesOfFewBytes) {
  for (const std::uint64_t n : {1u, 100u, 8191u, 8192u}) {
    BuiltFile file;
    add_entries(file, n);
    const Bytes bytes = file.bytes();
    ASSERT_TRUE(succeeds(GgufFile::parse(bytes, "m.gguf")));
    expect_bounded(bytes);
  }
}

// Counts as great as the bytes that follow allow, for entries and tensors both.
TEST(GgufMemory, CountsThatAreLies) {
  for (const std::uint64_t n_entries : {std::uint64_t{0}, std::uint64_t{1}, kMaxEntries}) {
    for (const std::uint64_t n_bytes : {24u, 1000u, 100'000u, 1'572'864u, 2'200'000u}) {
      for (const std::uint64_t bytes_each : {24u, 30u, 33u, 34u, 40u}) {
        BuiltFile file{.n_tensors = std::min(kMaxTensors, n_bytes / bytes_each),
                       .n_entries = std::min(n_entries, n_bytes / 13)};
        Bytes bytes = file.bytes();
        bytes.resize(bytes.size() + n_bytes);
        expect_bounded(bytes);
      }
    }
  }
}

// The entries are right, the number of tensors is as great as the rest allows, and no tensor is.
TEST(GgufMemory, TensorsThatAreNotThere) {
  for (const std::uint64_t bytes_each : {24u, 30u, 33u, 34u, 40u}) {
    BuiltFile file;
    add_entries(file, kMaxEntries);
    file.n_tensors = kMaxTensors;
    Bytes bytes = file.bytes();
    bytes.resize(bytes.size() + kMaxTensors * bytes_each);
    expect_bounded(bytes);
  }
}

TEST(GgufMemory, LongArraysAndStringsAreNotCopied) {
  const BuiltFile file{.entries = {array_entry("numbers", 4, 1'000'000, Bytes(4'000'000)),
                                   array_entry("texts", 8, 500'000, Bytes(4'000'000)),
                                   text_entry("text", std::string(1'000'000, 'x'))}};
  const Bytes bytes = file.bytes();
  ASSERT_TRUE(succeeds(GgufFile::parse(bytes, "m.gguf")));
  EXPECT_LT(memory_of_parse(bytes), 10'000);
}

TEST(GgufMemory, AllIsGivenBack) {
  const Bytes bytes = sample_file().bytes();
  const std::int64_t before = n_allocated_bytes();
  EXPECT_TRUE(succeeds(GgufFile::parse(bytes, "m.gguf")));
  EXPECT_EQ(n_allocated_bytes(), before);
}

}  // namespace
}  // namespace eddy::test
