// A small file cut at every byte, with every bit flipped, and with every length, count, type and
// offset set to extreme values: it is refused, or what was read keeps the invariants.
#include <gtest/gtest.h>

#include <cstring>

#include "base/support/fails_with.h"
#include "formats/gguf.h"
#include "formats/support/built_file.h"
#include "formats/support/gguf_checks.h"

namespace eddy::test {
namespace {

// Whether the bytes are accepted. The bytes are copied, so that a sanitizer sees each byte past
// their end.
bool is_accepted(std::span<const std::byte> bytes) {
  const Bytes copy(bytes.begin(), bytes.end());
  const auto file = GgufFile::parse(copy, "damaged");
  if (!file) {
    const ErrorCode code = file.error().code;
    EXPECT_TRUE(code == ErrorCode::kMalformed || code == ErrorCode::kUnsupported);
    EXPECT_TRUE(file.error().message.starts_with("damaged: ")) << file.error().message;
    return false;
  }
  EXPECT_EQ(broken_invariant(*file, copy), "");
  EXPECT_EQ(changed_by_rewriting(*file), "");
  for (const GgufEntry& entry : file->entries()) read_as_everything(*file, entry.key);
  return true;
}

TEST(GgufDamage, EveryTruncationIsRefused) {
  const Bytes bytes = sample_file().bytes();
  ASSERT_TRUE(is_accepted(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(is_accepted(std::span(bytes).first(n))) << n;
  }
}

// Without tensors a file may end where its entries do, and nowhere else.
TEST(GgufDamage, EveryTruncationOfEntriesIsRefused) {
  const Bytes bytes = BuiltFile{.entries = sample_file().entries}.bytes();
  ASSERT_TRUE(is_accepted(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(is_accepted(std::span(bytes).first(n))) << n;
  }
}

TEST(GgufDamage, EveryFlippedBitIsRefusedOrKeepsTheInvariants) {
  Bytes bytes = sample_file().bytes();
  int n_accepted = 0;
  for (std::size_t i = 0; i < 8 * bytes.size(); ++i) {
    const auto bit = static_cast<std::byte>(1u << i % 8);
    bytes[i / 8] ^= bit;
    n_accepted += is_accepted(bytes);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "bit " << i;
    bytes[i / 8] ^= bit;
  }
  EXPECT_GT(n_accepted, 800);  // those of the data, at least
  EXPECT_LT(n_accepted, 8 * static_cast<int>(bytes.size()));
}

std::vector<std::uint64_t> extremes(std::uint64_t right) {
  const std::uint64_t one = 1;
  std::vector<std::uint64_t> all = {0, 1, right - 1, right + 1, ~right, 255, 256, 65'535, 65'536};
  for (const int bit : {31, 32, 62, 63}) {
    all.insert(all.end(), {(one << bit) - 1, one << bit, (one << bit) + 1});
  }
  all.insert(all.end(), {~one, ~one + 1, ~std::uint64_t{6}});
  return all;
}

TEST(GgufDamage, EveryFieldWithExtremeValues) {
  std::vector<Field> fields;
  const Bytes right = sample_file().bytes(&fields);
  ASSERT_GT(fields.size(), 50u);
  for (const Field& field : fields) {
    std::uint64_t value = 0;
    std::memcpy(&value, right.data() + field.position, field.n_bytes);
    for (const std::uint64_t extreme : extremes(value)) {
      Bytes bytes = right;
      std::memcpy(bytes.data() + field.position, &extreme, field.n_bytes);
      const bool is_same = bytes == right;
      const bool accepted = is_accepted(bytes);
      ASSERT_FALSE(::testing::Test::HasFailure()) << field.what << ' ' << extreme;
      const bool is_length = field.what.ends_with("length") || field.what.ends_with("offset");
      if (is_length && !is_same) {
        EXPECT_FALSE(accepted) << field.what << ' ' << extreme;
      }
    }
  }
}

// Two fields at a time: the extremes of one hide those of the other from a check of one.
TEST(GgufDamage, EveryPairOfExtentsWithExtremeValues) {
  const std::vector<std::uint64_t> values = extremes(32);
  for (const std::uint64_t first : values) {
    for (const std::uint64_t second : values) {
      BuiltFile file = sample_file();
      file.tensors[2].ne = {first, second};
      is_accepted(file.bytes());
      file.tensors[2].ne = {2, first, second, first};
      is_accepted(file.bytes());
      ASSERT_FALSE(::testing::Test::HasFailure()) << first << ' ' << second;
    }
  }
}

}  // namespace
}  // namespace eddy::test
