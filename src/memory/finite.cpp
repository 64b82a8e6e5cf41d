#include "memory/finite.h"

#include <cstring>

namespace eddy {
namespace {

// The index of the first block whose leading number has all bits of the exponent.
template <class Bits>
std::optional<std::uint64_t> find_exponent(Bits exponent, std::span<const std::byte> blocks,
                                           std::uint64_t n_block_bytes = sizeof(Bits)) {
  const std::uint64_t n = blocks.size() / n_block_bytes;
  for (std::uint64_t i = 0; i < n; ++i) {
    Bits bits;
    std::memcpy(&bits, blocks.data() + i * n_block_bytes, sizeof(Bits));
    if ((bits & exponent) == exponent) return i;
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
