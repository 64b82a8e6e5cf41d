// Whether bytes of a buffer are zeros, for checks of what was wiped.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/buffer.h"

namespace eddy {

// May throw std::bad_alloc.
inline bool is_zeroed(const Buffer& buffer, std::uint64_t offset, std::uint64_t n_bytes) {
  std::vector<std::byte> bytes(n_bytes);
  buffer.read(offset, bytes);
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace eddy
