#include "formats/gguf_tensor_bytes.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/support/fails_with.h"

namespace eddy::test {
namespace {

__extension__ using WideUnsigned = unsigned __int128;

constexpr std::int64_t kMaxBytes = std::numeric_limits<std::int64_t>::max();

Result<std::uint64_t> size_of(DType type, std::vector<std::int64_t> ne) {
  return gguf_tensor_bytes(type, ne);
}

TEST(GgufTensorBytes, KnownShapes) {
  EXPECT_EQ(*size_of(DType::kF32, {1}), 4u);
  EXPECT_EQ(*size_of(DType::kF16, {64, 288}), 36'864u);
  EXPECT_EQ(*size_of(DType::kQ8_0, {32, 2}), 68u);
  EXPECT_EQ(*size_of(DType::kQ4_K, {512, 3, 5, 7}), 2u * 144 * 3 * 5 * 7);
  EXPECT_EQ(*size_of(DType::kI8, {1, 1, 1, 1}), 1u);
}

TEST(GgufTensorBytes, HasOneToFourExtents) {
  EXPECT_TRUE(fails_with(size_of(DType::kF32, {}), ErrorCode::kMalformed, {"0 extents", "1 .. 4"}));
  EXPECT_TRUE(
      fails_with(size_of(DType::kF32, {1, 1, 1, 1, 1}), ErrorCode::kMalformed, {"5 extents"}));
}

TEST(GgufTensorBytes, ExtentsAreAtLeastOne) {
  for (std::size_t i = 0; i < 4; ++i) {
    for (const std::int64_t extent : {std::int64_t{0}, std::int64_t{-1}, -kMaxBytes - 1}) {
      std::vector<std::int64_t> ne = {32, 2, 2, 2};
      ne[i] = extent;
      EXPECT_TRUE(fails_with(size_of(DType::kQ8_0, ne), ErrorCode::kMalformed,
                             {"extent " + std::to_string(i) + ": " + std::to_string(extent)}));
    }
  }
}

TEST(GgufTensorBytes, RowsAreWholeBlocksOfEveryType) {
  for (const DTypeInfo& info : dtype_table()) {
    const std::int64_t n_block = info.block_elems;
    EXPECT_EQ(*size_of(info.type, {3 * n_block, 2}), 6u * info.block_bytes) << info.name;
    if (n_block == 1) continue;
    // The whole has whole blocks, its rows have not.
    EXPECT_TRUE(fails_with(size_of(info.type, {n_block / 2, 2}), ErrorCode::kMalformed,
                           {"rows of", "multiple of " + std::to_string(n_block), info.name}));
    EXPECT_TRUE(fails_with(size_of(info.type, {n_block + 1}), ErrorCode::kMalformed));
  }
}

TEST(GgufTensorBytes, ElementsAndBytesStayBelow2To63) {
  EXPECT_EQ(*size_of(DType::kI8, {kMaxBytes}), static_cast<std::uint64_t>(kMaxBytes));
  EXPECT_TRUE(
      fails_with(size_of(DType::kI8, {kMaxBytes, 2}), ErrorCode::kMalformed, {"2^63", "elements"}));
  EXPECT_TRUE(
      fails_with(size_of(DType::kF32, {kMaxBytes}), ErrorCode::kMalformed, {"2^63", "bytes"}));
  EXPECT_TRUE(fails_with(size_of(DType::kF16, {std::int64_t{1} << 62}), ErrorCode::kMalformed));
  EXPECT_TRUE(fails_with(size_of(DType::kIQ1_S, {256, kMaxBytes / 128}), ErrorCode::kMalformed,
                         {"2^63", "elements"}));
}

// Extents of powers of two and next to them, against 128-bit arithmetic.
TEST(GgufTensorBytes, NothingWrapsAround) {
  int n_right = 0;
  for (const DType type : {DType::kF64, DType::kI8, DType::kQ8_0, DType::kQ2_K}) {
    const DTypeInfo& info = dtype_info(type);
    for (int a = 0; a < 62; ++a) {
      for (int b = 0; b < 62; ++b) {
        for (const int step : {-1, 0, 1}) {
          const std::int64_t rows = std::max<std::int64_t>(1, (std::int64_t{1} << b) + step);
          const WideUnsigned n_elems =
              (WideUnsigned{1} << a) * info.block_elems * static_cast<WideUnsigned>(rows);
          const WideUnsigned n_bytes =
              (WideUnsigned{1} << a) * info.block_bytes * static_cast<WideUnsigned>(rows);
          const WideUnsigned n_row = (WideUnsigned{1} << a) * info.block_elems;
          if (n_row > static_cast<WideUnsigned>(kMaxBytes)) continue;
          const auto found = size_of(type, {static_cast<std::int64_t>(n_row), rows});
          const bool fits = std::max(n_elems, n_bytes) <= static_cast<WideUnsigned>(kMaxBytes);
          ASSERT_EQ(found.ok(), fits) << info.name << ' ' << a << ' ' << b << ' ' << step;
          if (fits) {
            ASSERT_EQ(WideUnsigned{*found}, n_bytes);
          }
          n_right += fits;
        }
      }
    }
  }
  EXPECT_GT(n_right, 1000);
}

}  // namespace
}  // namespace eddy::test
