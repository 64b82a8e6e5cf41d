#include "tensor/encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tensor/decode.h"

namespace eddy {
namespace {

std::vector<float> normal(std::size_t n, float mean = 0) {
  std::mt19937 random(7);
  std::normal_distribution<float> values(mean, 1);
  std::vector<float> out(n);
  for (float& v : out) v = values(random);
  return out;
}

std::vector<float> round_trip(DType type, const std::vector<float>& values) {
  std::vector<std::byte> bytes(row_bytes(type, values.size()).value());
  encode(type, values, bytes.data());
  std::vector<float> out(values.size());
  decode(type, bytes.data(), out);
  return out;
}

double relative_error(DType type, const std::vector<float>& values) {
  const std::vector<float> back = round_trip(type, values);
  double sum = 0, lost = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum += static_cast<double>(values[i]) * values[i];
    lost += std::pow(static_cast<double>(back[i]) - values[i], 2);
  }
  return std::sqrt(lost / sum);
}

constexpr DType kBlockTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ5_0, DType::kQ5_1,
                                 DType::kQ4_K, DType::kQ5_K, DType::kQ6_K};

// A uniform quantiser of n levels over k standard deviations to each side has the error
// 2 k / n / sqrt(12); runs of 32 normal numbers reach about 2.1 deviations, of 16 about 1.8.
TEST(Encode, LosesAboutWhatTheNumberOfLevelsAllows) {
  const std::vector<float> values = normal(8192);
  const struct {
    DType type;
    double most;
  } bounds[] = {{DType::kQ8_0, 0.006}, {DType::kQ6_K, 0.020}, {DType::kQ5_K, 0.042},
                {DType::kQ5_1, 0.040}, {DType::kQ5_0, 0.042}, {DType::kQ4_K, 0.082},
                {DType::kQ4_0, 0.088}};
  for (const auto& [type, most] : bounds) {
    EXPECT_LT(relative_error(type, values), most) << dtype_name(type);
    EXPECT_GT(relative_error(type, values), most / 3) << dtype_name(type);
  }
}

// Minima are what the K types have them for.
TEST(Encode, MinimaServeRunsThatLieToOneSide) {
  const std::vector<float> values = normal(8192, -3);
  EXPECT_LT(relative_error(DType::kQ4_K, values), 0.03);
  EXPECT_GT(relative_error(DType::kQ4_0, values), 0.04);
}

TEST(Encode, IsExactWhereTheFormatIs) {
  std::vector<float> values;
  for (int i = 0; i < 256; ++i) values.push_back(static_cast<float>(i % 15 - 7) / 8);
  values[0] = values[32] = -1;  // Q4_0 reaches from -8 to 7
  for (std::size_t b = 0; b < 8; ++b) values[32 * b] = -1;
  EXPECT_EQ(round_trip(DType::kQ4_0, values), values);
  const std::vector<float> zeros(256), ones(256, 1.0f);
  for (const DType type : kBlockTypes) {
    EXPECT_EQ(round_trip(type, zeros), zeros) << dtype_name(type);
    for (const float v : round_trip(type, ones)) EXPECT_NEAR(v, 1, 0.01) << dtype_name(type);
  }
}

TEST(Encode, OneLargeElementDoesNotDrownItsBlock) {
  std::vector<float> values = normal(256);
  values[40] = 30;
  for (const DType type : {DType::kQ4_K, DType::kQ5_K, DType::kQ6_K}) {
    const std::vector<float> back = round_trip(type, values);
    EXPECT_NEAR(back[40], 30, 1.0) << dtype_name(type);
    for (std::size_t i = 64; i < 256; ++i) {  // the runs of other scales
      EXPECT_NEAR(back[i], values[i], 1.2) << dtype_name(type) << " " << i;
    }
  }
}

TEST(Encode, DenseTypesRoundToTheNearest) {
  const std::vector<float> values = {1.0f, 1.0f + 0x1p-11f, -3.14159f, 65504.0f};
  EXPECT_EQ(round_trip(DType::kF32, values), values);
  EXPECT_EQ(round_trip(DType::kF16, values)[1], 1.0f);
  EXPECT_NEAR(round_trip(DType::kBF16, values)[2], -3.14159f, 0.01);
}

TEST(Encode, KnowsWhatItCanEncode) {
  for (const DType type : kBlockTypes) EXPECT_TRUE(can_encode(type));
  EXPECT_FALSE(can_encode(DType::kQ3_K));
}

}  // namespace
}  // namespace eddy
