// Small tensors as F32: every F16 number against a sum of steps, the others by their bits.
#include "models/small_tensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace eddy {
namespace {

template <class T>
std::vector<std::byte> bytes_of(const std::vector<T>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(T));
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

std::vector<std::uint16_t> all_patterns() {
  std::vector<std::uint16_t> all;
  for (unsigned i = 0; i <= 0xFFFF; ++i) all.push_back(static_cast<std::uint16_t>(i));
  return all;
}

TEST(SmallTensors, F16RisesInStepsThatDoubleEvery1024) {
  const auto values = to_f32(DType::kF16, bytes_of(all_patterns()));
  ASSERT_TRUE(values && values->size() == 0x10000);
  double expected = 0;
  for (std::size_t i = 0; i < 0x7C00; ++i) {
    EXPECT_EQ((*values)[i], expected) << i;
    EXPECT_EQ((*values)[0x8000 + i], -expected) << i;
    EXPECT_EQ(std::signbit((*values)[0x8000 + i]), true) << i;
    const int doubled = std::max(0, static_cast<int>(i / 1024) - 1);  // denormals: as the first
    expected += std::ldexp(1.0, doubled - 24);
  }
  EXPECT_EQ(expected, 65536);  // where infinity takes its place
}

TEST(SmallTensors, F16HasInfinityAndNan) {
  const auto values = to_f32(DType::kF16, bytes_of(all_patterns()));
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[0x7C00], INFINITY);
  EXPECT_EQ((*values)[0xFC00], -INFINITY);
  for (std::size_t i = 0x7C01; i < 0x8000; ++i) {
    EXPECT_TRUE(std::isnan((*values)[i])) << i;
    EXPECT_TRUE(std::isnan((*values)[0x8000 + i])) << i;
  }
}

TEST(SmallTensors, F16OfKnownNumbers) {
  const std::vector<std::uint16_t> bits = {0x3C00, 0xC000, 0x3555, 0x7BFF, 0x0400, 0x0001};
  const std::vector<float> expected = {1, -2, 0.333251953125F, 65504, 0x1p-14F, 0x1p-24F};
  EXPECT_EQ(to_f32(DType::kF16, bytes_of(bits)), expected);
}

TEST(SmallTensors, BF16OfKnownNumbers) {
  const std::vector<std::uint16_t> bits = {0x3F80, 0xC000, 0x4049, 0x7F80, 0xFF80, 0x0001, 0x7F7F};
  const std::vector<float> expected = {1,         -2,        3.140625F,  INFINITY,
                                       -INFINITY, 0x1p-133F, 0x1.FEp127F};
  EXPECT_EQ(to_f32(DType::kBF16, bytes_of(bits)), expected);
}

TEST(SmallTensors, BF16IsTheUpperHalfOfF32) {
  const auto values = to_f32(DType::kBF16, bytes_of(all_patterns()));
  ASSERT_TRUE(values && values->size() == 0x10000);
  for (std::uint32_t i = 0; i <= 0xFFFF; ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>((*values)[i]), i * 0x10000U);
  }
}

TEST(SmallTensors, F32KeepsItsBits) {
  const std::vector<std::uint32_t> bits = {0, 0x80000000, 0x3F800000, 0x7FC12345, 1, 0xFF800000};
  const auto values = to_f32(DType::kF32, bytes_of(bits));
  ASSERT_TRUE(values && values->size() == bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>((*values)[i]), bits[i]);
  }
}

TEST(SmallTensors, MayLieAtAnyAddress) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    std::vector<std::byte> bytes(1, std::byte{0xAA});
    for (int i = 0; i < 64; ++i) bytes.push_back(static_cast<std::byte>(i));
    const std::vector<std::byte> aligned(bytes.begin() + 1, bytes.end());
    EXPECT_EQ(to_f32(type, std::span(bytes).subspan(1)), to_f32(type, aligned));
  }
}

TEST(SmallTensors, OtherTypesAreNone) {
  const std::vector<std::byte> bytes(1024);
  for (const DTypeInfo& info : dtype_table()) {
    const bool is_taken =
        info.type == DType::kF32 || info.type == DType::kF16 || info.type == DType::kBF16;
    EXPECT_EQ(to_f32(info.type, bytes).has_value(), is_taken) << info.name;
  }
}

TEST(SmallTensors, MayBeEmpty) { EXPECT_EQ(to_f32(DType::kF16, {}), std::vector<float>()); }

}  // namespace
}  // namespace eddy
