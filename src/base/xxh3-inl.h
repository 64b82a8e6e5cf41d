// XXH3 for the instruction set of the file that includes this. Only C's headers, see xxh3.h; and
// nothing with a linkage that would let the linker take one file's code for the other's.
#pragma once

#include "base/xxh3.h"

#define XXH_INLINE_ALL  // no library to link, and none that users of libeddy must have
#include <xxhash.h>

namespace eddy {
namespace {

uint64_t sum64_here(const void* bytes, size_t n) { return XXH3_64bits(bytes, n); }

void sum128_here(const void* bytes, size_t n, uint64_t out[2]) {
  const XXH128_hash_t sum = XXH3_128bits(bytes, n);
  out[0] = sum.low64;
  out[1] = sum.high64;
}

void add_here(void* state, const void* bytes, size_t n) {
  XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, n);
}

constexpr Xxh3 kXxh3Here = {.sum64 = sum64_here, .sum128 = sum128_here, .add = add_here};

}  // namespace
}  // namespace eddy
