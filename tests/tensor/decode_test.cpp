// Every block format against elements and sums that were computed by hand-written loops elsewhere
// for blocks of the bytes (73 i + 41) mod 256 with the scales of the table.
#include "tensor/decode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <numeric>
#include <random>
#include <vector>

#include "reference/block_formats.h"

namespace eddy {
namespace {

struct Patch {
  std::size_t at;
  std::initializer_list<std::uint8_t> bytes;
};

struct Vector {
  DType type;
  std::initializer_list<Patch> patches;
  std::initializer_list<float> elements;  // at kIn256 or kIn32
  double sum;
};

constexpr std::size_t kIn256[] = {0, 1, 15, 16, 31, 32, 100, 127, 128, 200, 255};
constexpr std::size_t kIn32[] = {0, 1, 2, 15, 16, 17, 30, 31};

// F16: 0x3400 is 0.25, 0x3000 is 0.125, 0xB800 is -0.5.
const Vector kVectors[] = {
    {DType::kQ2_K,
     {{80, {0, 0x34, 0, 0x30}}},
     {2, 4.25, -.25, -.375, -.875, 4.125, 9.625, 3.75, -.625, 1.375, -.875},
     510.75},
    {DType::kQ3_K,
     {{108, {0, 0x34}}},
     {-1.75, 3.5, 7, .5, -2, -13.5, -4.25, -24, 6, 19.5, -6},
     58.5},
    {DType::kQ4_K,
     {{0, {0, 0x34, 0, 0x30}}},
     {23.125, .375, -6.125, 23.125, -6.125, 53.25, 148.5, 108.5, 44.125, 13.5, -2.875},
     13338},
    {DType::kQ5_K,
     {{0, {0, 0x34, 0, 0x30}}},
     {75.125, .375, -6.125, 75.125, -6.125, 64.25, 168.5, 128.5, 128.125, 13.5, -2.875},
     27518},
    {DType::kQ6_K,
     {{208, {0, 0x34}}},
     {40.25, -11.5, 184, -87.5, -400, 276.75, -533.5, -12, -85.75, -106.25, 72},
     -3711},
    {DType::kIQ4_XS,
     {{0, {0, 0x34}}},
     {-754, 181.25, 7.25, -72.5, 275.5, -104, -78.75, -49.5, 442, -78, -187.5},
     -1612.5},
    {DType::kQ4_0, {{0, {0, 0x34}}}, {.75, -1, 1.25, -1.5, .75, -2, .75, -2}, -8.25},
    {DType::kQ4_1, {{0, {0, 0x34, 0, 0xB8}}}, {2.75, 1, 3.25, .5, .5, 1.75, .5, 1.75}, 40.25},
    {DType::kQ5_0, {{0, {0, 0x34}}}, {3.75, 2, -3.75, -2.5, 3.25, -3.5, -.75, .5}, -11.25},
    {DType::kQ5_1, {{0, {0, 0x34, 0, 0xB8}}}, {3.75, 2, 4.25, 5.5, 5.25, 6.25, 1, 2.25}, 109.25},
    {DType::kQ8_0, {{0, {0, 0x34}}}, {-17.25, 1, 19.25, .5, 18.75, -27, 18.25, -27.5}, -12},
    {DType::kIQ4_NL,
     {{0, {0, 0x34}}},
     {9.5, -12.25, 17.25, -20.75, 9.5, -31.75, 9.5, -31.75},
     -120.25},
    {DType::kMXFP4, {{0, {126}}}, {.5, -.75, 1, -.25, 3, -.75, 3, -.75}, 6.25},
};

std::vector<std::byte> block_of(const Vector& v) {
  std::vector<std::byte> bytes(dtype_info(v.type).block_bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(73 * i + 41);
  for (const Patch& patch : v.patches) {
    std::size_t at = patch.at;
    for (const std::uint8_t byte : patch.bytes) bytes[at++] = static_cast<std::byte>(byte);
  }
  return bytes;
}

TEST(Decode, BlocksHaveTheKnownElements) {
  for (const Vector& v : kVectors) {
    std::vector<float> out(dtype_info(v.type).block_elems);
    decode(v.type, block_of(v).data(), out);
    const auto at = out.size() == 256 ? std::span<const std::size_t>(kIn256) : kIn32;
    ASSERT_EQ(v.elements.size(), at.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      EXPECT_EQ(out[at[i]], v.elements.begin()[i]) << dtype_name(v.type) << " element " << at[i];
    }
    EXPECT_EQ(std::accumulate(out.begin(), out.end(), 0.0), v.sum) << dtype_name(v.type);
  }
}

// Random bytes, scales included, against the references' walk in the order of storage.
TEST(Decode, AnyBlockIsWhatTheReferenceSays) {
  std::mt19937 random(1);
  for (const Vector& v : kVectors) {
    const DTypeInfo& info = dtype_info(v.type);
    for (int i = 0; i < 200; ++i) {
      std::vector<std::byte> block(info.block_bytes);
      for (std::byte& byte : block) byte = static_cast<std::byte>(random());
      std::vector<float> out(info.block_elems);
      decode(v.type, block.data(), out);
      const auto expected = reference::block_elements(v.type, block);
      for (std::size_t e = 0; e < out.size(); ++e) {
        const double value = expected[e].scaled - expected[e].low;
        if (std::isnan(value)) {
          EXPECT_TRUE(std::isnan(out[e]));
        } else {
          ASSERT_EQ(out[e], static_cast<float>(value)) << info.name << " element " << e;
        }
      }
    }
  }
}

TEST(Decode, SeveralBlocksAreDecodedOneAfterTheOther) {
  const Vector& v = kVectors[0];
  std::vector<std::byte> two = block_of(v);
  two.resize(2 * two.size());
  std::copy_n(two.begin(), two.size() / 2,
              two.begin() + static_cast<std::ptrdiff_t>(two.size() / 2));
  std::vector<float> out(512);
  decode(v.type, two.data(), out);
  EXPECT_TRUE(std::equal(out.begin(), out.begin() + 256, out.begin() + 256));
  EXPECT_EQ(out[0], 2.0f);
}

TEST(Decode, KnowsTheScalesOfMxfp4) {
  EXPECT_EQ(mxfp4_scale(0), 0x1p-128f);
  EXPECT_EQ(mxfp4_scale(1), 0x1p-127f);
  EXPECT_EQ(mxfp4_scale(2), 0x1p-126f);
  EXPECT_EQ(mxfp4_scale(254), 0x1p126f);
}

TEST(Decode, KnowsWhatItCanDecode) {
  EXPECT_TRUE(can_decode(DType::kF32));
  EXPECT_TRUE(can_decode(DType::kBF16));
  EXPECT_FALSE(can_decode(DType::kIQ2_XXS));
  EXPECT_FALSE(can_decode(DType::kI8));
}

}  // namespace
}  // namespace eddy
