#include "memory/finite.h"

#include <algorithm>
#include <cstring>

namespace eddy {
namespace {

// The index of the first block whose leading number has all bits of the exponent.
template <class Bits>
std::optional<std::uint64_t> find_exponent(Bits exponent, std::span<const std::byte> blocks,
                                           std::uint64_t n_block_bytes = sizeof(Bits)) {
  const auto has_exponent = [&](std::uint64_t i) {
    Bits bits;
    std::memcpy(&bits, blocks.data() + i * n_block_bytes, sizeof(Bits));
    return (bits & exponent) == exponent;
  };
  // Many at a time, without a branch for each: there is nearly always none.
  constexpr std::uint64_t kAtOnce = 1024;
  const std::uint64_t n = blocks.size() / n_block_bytes;
  for (std::uint64_t first = 0; first < n; first += kAtOnce) {
    const std::uint64_t end = std::min(n, first + kAtOnce);
    Bits found = 0;
    for (std::uint64_t i = first; i < end; ++i) found |= static_cast<Bits>(has_exponent(i));
    if (found == 0) continue;
    while (!has_exponent(first)) ++first;
    return first;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> first_non_finite(DType type, std::span<const std::byte> elements) {
  if (type == DType::kF32) return find_exponent<std::uint32_t>(0x7F800000u, elements);
  if (type == DType::kQ8_0) {  // a block's scale comes first; its other numbers are integers
    const DTypeInfo& info = dtype_info(type);
    const auto block = find_exponent<std::uint16_t>(0x7C00u, elements, info.block_bytes);
    return block ? std::optional(*block * info.block_elems) : std::nullopt;
  }
  const std::uint16_t exponent = type == DType::kF16 ? 0x7C00u : 0x7F80u;
  return find_exponent<std::uint16_t>(exponent, elements);
}

}  // namespace eddy
