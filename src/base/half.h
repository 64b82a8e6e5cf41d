// Halves and bfloat16s to floats and back, one at a time: rounding to nearest even, subnormals
// kept, NaN to a quiet NaN with its sign and upper bits, as the machines' own conversions do.
#pragma once

#include <bit>
#include <cstdint>

namespace eddy {

inline float bf16_to_f32(std::uint16_t h) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(h) << 16);
}

inline std::uint16_t f32_to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
  const std::uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return static_cast<std::uint16_t>((is_nan ? bits | 0x400000 : rounded) >> 16);
}

inline float f16_to_f32(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 1023u;
  if (exponent == 31) {
    const std::uint32_t quiet = mantissa ? 0x400000 : 0;
    return std::bit_cast<float>(sign | 0x7f800000 | quiet | mantissa << 13);
  }
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float size = static_cast<float>(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(size));
}

inline std::uint16_t f32_to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  std::uint32_t half;
  if (size > 0x7f800000) {
    half = 0x7e00 | (size >> 13 & 0x1ff);
  } else if (size >= 0x477ff000) {  // 65520 and above round to infinity
    half = 0x7c00;
  } else if (size < 0x38800000) {  // below 2^-14: next to 0.5 the distance of floats is 2^-24
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5f) - 0x3f000000;
  } else {
    half = (size + 0xfff + (size >> 13 & 1) - (112u << 23)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

}  // namespace eddy
