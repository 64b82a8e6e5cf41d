// The loops of XXH3 over many bytes, compiled once for each instruction set; all give the same.
//
// Only C's headers here: an inline function of another one, compiled for AVX2, could become the
// program's only copy.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace eddy {

struct Xxh3 {
  uint64_t (*sum64)(const void* bytes, size_t n);
  void (*sum128)(const void* bytes, size_t n, uint64_t out[2]);  // the low half first
  void (*add)(void* state, const void* bytes, size_t n);         // to an XXH3_state_t
};

// As the rest of the program is compiled, and for AVX2; nullptr: not on this machine.
const Xxh3& plain_xxh3();
const Xxh3* avx2_xxh3();

}  // namespace eddy
