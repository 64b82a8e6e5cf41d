// Activations quantised to int8 by blocks of 32, for products with quantised weights.
//
// For a block x[0..31] with a = max |x[i]|:
//   d = a / 127,  q[i] = round(x[i] * (127 / a)), ties to even;  x[i] is about d q[i]
// d stays F32. Where a < 2^-120 (127 / a would overflow) d and all q are 0; where an x is infinite
// or NaN d is NaN, so that it shows in every product.
#pragma once

#include <cstdint>

#include "cpu/kernels.h"

namespace eddy {

inline constexpr int kXBlockElems = 32;

struct QuantisedBlock {
  std::int8_t q[kXBlockElems];
  // The same in sixteen bits, of each four the first and the third before the others: so the bytes
  // of a word of weights come apart most easily (widen in int8_dot-inl.h).
  std::int16_t wide[kXBlockElems];
  // -sum_i q[i] of the first sixteen and of the others: corrects a product with weights that are
  // stored with an offset, and gives what the minimum of a weight block counts.
  std::int32_t minus_sums[2];
  float d;
  float minus_x;  // both sums times d
};

// A view of the blocks of {n_in, n_tokens} activations. Tokens lie in tiles of kTileTokens; in a
// tile the blocks of all its tokens with the same number b are neighbours.
struct QuantisedX {
  static constexpr std::int64_t kTileTokens = 128;

  QuantisedBlock* blocks = nullptr;  // n_blocks * n_tokens
  std::int64_t n_blocks = 0;         // of a token: n_in / 32
  std::int64_t n_tokens = 0;

  // Tokens of the tile that begins with token `first`.
  std::int64_t n_in_tile(std::int64_t first) const {
    return n_tokens - first < kTileTokens ? n_tokens - first : kTileTokens;
  }
  // Block b of the first token of that tile; the other tokens' follow it.
  QuantisedBlock* tile(std::int64_t first, std::int64_t b) const {
    return blocks + first * n_blocks + b * n_in_tile(first);
  }
};

struct QuantiseArgs {
  ConstMat x;
  QuantisedX out;
};

struct LinearBlocksArgs {
  const LinearArgs& linear;
  QuantisedX x;
};

extern const Kernels<QuantiseArgs> kQuantise;               // a unit is a token
extern const Kernels<LinearBlocksArgs> kLinearBlocksOf32;   // a unit is a tile of sixteen rows
extern const Kernels<LinearBlocksArgs> kLinearBlocksOf256;  // the same

}  // namespace eddy
