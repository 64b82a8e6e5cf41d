#include "models/small_tensors.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace eddy {
namespace {

float from_f16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size = exponent == 0    ? std::ldexp(mantissa, -24)
                      : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                       : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>(bits & 0x8000 ? -size : size);
}

float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Files have no alignment beyond the first element.
template <class T>
T element(std::span<const std::byte> bytes, std::size_t i) {
  T value;
  std::memcpy(&value, &bytes[i * sizeof(T)], sizeof value);
  return value;
}

}  // namespace

std::optional<std::vector<float>> to_f32(DType type, std::span<const std::byte> bytes) {
  if (type != DType::kF32 && type != DType::kF16 && type != DType::kBF16) return std::nullopt;
  std::vector<float> out(bytes.size() / dtype_info(type).block_bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    switch (type) {
      case DType::kF16: out[i] = from_f16(element<std::uint16_t>(bytes, i)); break;
      case DType::kBF16: out[i] = from_bf16(element<std::uint16_t>(bytes, i)); break;
      default: out[i] = element<float>(bytes, i);
    }
  }
  return out;
}

}  // namespace eddy
