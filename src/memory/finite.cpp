#include "memory/finite.h"

#include <cstring>

namespace eddy {
namespace {

template <class Bits>
std::optional<std::uint64_t> find_exponent(Bits exponent, std::span<const std::byte> elements) {
  const std::uint64_t n = elements.size() / sizeof(Bits);
  for (std::uint64_t i = 0; i < n; ++i) {
    Bits bits;
    std::memcpy(&bits, elements.data() + i * sizeof(Bits), sizeof(Bits));
    if ((bits & exponent) == exponent) return i;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> first_non_finite(DType type, std::span<const std::byte> elements) {
  if (type == DType::kF32) return find_exponent<std::uint32_t>(0x7F800000u, elements);
  const std::uint16_t exponent = type == DType::kF16 ? 0x7C00u : 0x7F80u;
  return find_exponent<std::uint16_t>(exponent, elements);
}

}  // namespace eddy
