// The block of Q8_0, as it lies in a file: 32 weights d q[i]. No padding, alignment 2 at best.
#pragma once

#include <cstdint>

namespace eddy {

inline constexpr int kQ8BlockElems = 32;

struct Q8Block {
  std::uint16_t d;  // F16
  std::int8_t q[kQ8BlockElems];
};
static_assert(sizeof(Q8Block) == 34);

}  // namespace eddy
