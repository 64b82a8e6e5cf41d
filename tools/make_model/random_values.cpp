#include "make_model/random_values.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "tensor/encode.h"

namespace eddy::make_model {
namespace {

// SplitMix64 (Steele, Lea & Flood 2014), output number i.
std::uint64_t random_bits(std::uint64_t key, std::uint64_t i) {
  std::uint64_t z = key + (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Uniform in [-1, 1).
double uniform_of(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-52 - 1; }

// The sum of four uniform numbers, scaled to deviation 1: nearly a bell, without tails.
double normal_of(std::uint64_t bits) {
  constexpr double kMean = 2 * 65535.0, kDeviation = 37837.227;  // 65536 / sqrt(3)
  const std::uint64_t sum =
      (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
  return (static_cast<double>(sum) - kMean) / kDeviation;
}

template <class T>
void put(std::byte* out, T value) {
  std::memcpy(out, &value, sizeof value);
}

// Steps of the scale as it is stored, which loses a little less than eddy::encode, whose steps are
// those of other writers.
void encode_q8_0(std::span<const float> block, std::byte* out) {
  float largest = 0;
  for (const float v : block) largest = std::max(largest, std::abs(v));
  const std::uint16_t scale = f32_to_f16(largest / 127);
  const double step = f16_to_f32(scale);
  put(out, scale);
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double q = step == 0 ? 0 : std::clamp(std::nearbyint(block[i] / step), -127.0, 127.0);
    put(out + 2 + i, static_cast<std::int8_t>(q));
  }
}

}  // namespace

RandomValues::RandomValues(const TensorPlan& tensor, std::uint64_t seed)
    : values_(tensor.values),
      n_in_(static_cast<std::uint64_t>(tensor.ne[0])),
      key_(XXH3_64bits_withSeed(tensor.name.data(), tensor.name.size(), seed)) {}

double RandomValues::at(std::uint64_t i) const {
  const std::uint64_t bits = random_bits(key_, i);
  switch (values_.kind) {
    case Values::Kind::kNormal: return values_.center + values_.spread * normal_of(bits);
    case Values::Kind::kUniform: return values_.center + values_.spread * uniform_of(bits);
    case Values::Kind::kRamp:
      return values_.center * static_cast<double>(i % n_in_ + 1) *
             (1 + values_.spread * uniform_of(bits));
  }
  return 0;
}

void RandomValues::fill(std::uint64_t first, std::span<float> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(at(first + i));
}

void encode(std::span<const float> values, DType type, std::span<std::byte> out) {
  if (type != DType::kQ8_0) return eddy::encode(type, values, out.data());
  constexpr std::size_t kBlock = 32, kBlockBytes = 34;
  for (std::size_t b = 0; b < values.size() / kBlock; ++b) {
    encode_q8_0(values.subspan(b * kBlock, kBlock), &out[b * kBlockBytes]);
  }
}

}  // namespace eddy::make_model
