#include "make_model/random_values.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

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

std::uint16_t to_bf16(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Finite values; rounds to nearest, ties to even.
std::uint16_t to_f16(float v) {
  const auto sign = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16 & 0x8000);
  const double size = std::abs(static_cast<double>(v));
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7C00);
  const int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  const auto steps = static_cast<std::uint16_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  // A mantissa that rounds up to 2048 carries into the exponent, as it should.
  const int biased = size < 0x1p-14 ? 0 : (exponent + 14) * 1024;
  return static_cast<std::uint16_t>(sign | (biased + steps));
}

double from_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  return exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
}

template <class T>
void put(std::byte* out, T value) {
  std::memcpy(out, &value, sizeof value);
}

void encode_q8_0(std::span<const float> block, std::byte* out) {
  float largest = 0;
  for (const float v : block) largest = std::max(largest, std::abs(v));
  const std::uint16_t scale = to_f16(largest / 127);
  const double step = from_f16(scale);
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
  if (dtype_info(type).block_elems > 1 && type != DType::kQ8_0) {
    return eddy::encode(type, values, out.data());
  }
  constexpr std::size_t kBlock = 32, kBlockBytes = 34;
  for (std::size_t i = 0; i < values.size(); ++i) {
    switch (type) {
      case DType::kF32: put(&out[4 * i], values[i]); break;
      case DType::kF16: put(&out[2 * i], to_f16(values[i])); break;
      case DType::kBF16: put(&out[2 * i], to_bf16(values[i])); break;
      default:
        if (i % kBlock == 0) encode_q8_0(values.subspan(i, kBlock), &out[i / kBlock * kBlockBytes]);
    }
  }
}

}  // namespace eddy::make_model
