// Logits as weights: what a sampler needs of a whole vocabulary.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace eddy {

// weights[i] = e^((logits[i] - best) / temperature), of the argument as it is rounded; 0 where that
// is below 1e-45, as for -infinity. sums: of each kWeightBlock weights, n_weight_blocks(n) of them.
// 8 bytes and about 40 flops a token. best: the largest of the logits, finite; temperature > 0.
struct TokenWeightsArgs {
  const float* logits;
  std::int64_t n;
  float best;
  float temperature;
  float* weights;
  float* sums;
};

inline constexpr std::int64_t kWeightBlock = 512;
inline std::int64_t n_weight_blocks(std::int64_t n) {
  return (n + kWeightBlock - 1) / kWeightBlock;
}

extern const PerIsa<void(const TokenWeightsArgs&)> kTokenWeights;

}  // namespace eddy
