// Copying many bytes.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <span>

namespace eddy {

// Copies `from` to `to`, which is as long and does not overlap it. For long ranges memcpy is one
// instruction (rep movsb), which some machines execute at a sixth of the speed of this loop where
// `to` is not aligned, as the rows of a serialised state are.
inline void copy_bytes(std::span<const std::byte> from, std::span<std::byte> to) {
  assert(from.size() == to.size());
  constexpr std::size_t kBlock = 64;
  const std::size_t n_blocks = from.size() / kBlock;
  for (std::size_t i = 0; i < n_blocks; ++i) {
    std::byte block[kBlock];
    std::memcpy(block, from.data() + i * kBlock, kBlock);
    std::memcpy(to.data() + i * kBlock, block, kBlock);
  }
  const std::size_t n_rest = from.size() % kBlock;
  if (n_rest > 0) {
    std::memcpy(to.data() + n_blocks * kBlock, from.data() + n_blocks * kBlock, n_rest);
  }
}

}  // namespace eddy
