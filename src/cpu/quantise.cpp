// Activations to int8 by blocks of 32: formulas in quantised_x.h. Reads 4 bytes and writes 3.5 for
// each element; 3 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/quantise.cpp"
#include <hwy/foreach_target.h>

#include <bit>
#include <limits>

#include "cpu/math-inl.h"
#include "cpu/quantised_x.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// q of sixteen elements, also in sixteen bits; returns their sum.
HWY_INLINE std::int32_t quantise_16(V16 x, float inverse, std::int8_t* q, std::int16_t* wide) {
  const V16 shifted = fma(x, broadcast(inverse), broadcast(kRounder));
  const I16 all = sub_int(bits(shifted), bits(broadcast(kRounder)));
  store_int8(all, q);
  store_int16(swap_middle(all), wide);
  return sum_lanes(all);
}

HWY_INLINE void quantise_block(const float* x, QuantisedBlock& out) {
  const V16 low = load(x), high = load(x + kLanes);
  // Bits of positive floats are ordered as the floats are; those of NaN come last.
  const std::int32_t largest = max_lane(max_int(bits(abs(low)), bits(abs(high))));
  const bool is_finite = largest < 0x7f800000;
  const float size = std::bit_cast<float>(largest);
  if (!is_finite || size < 0x1p-120f) {
    out = {};
    if (!is_finite) out.d = out.minus_x = std::numeric_limits<float>::quiet_NaN();
    return;
  }
  const float inverse = 127.0f / size;
  out.minus_sums[0] = -quantise_16(low, inverse, out.q, out.wide);
  out.minus_sums[1] = -quantise_16(high, inverse, out.q + kLanes, out.wide + kLanes);
  out.d = size / 127.0f;
  out.minus_x = static_cast<float>(out.minus_sums[0] + out.minus_sums[1]) * out.d;
}

void quantise(const QuantiseArgs& args, Share tokens) {
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    const std::int64_t in_tile = t % QuantisedX::kTileTokens;
    for (std::int64_t b = 0; b < args.out.n_blocks; ++b) {
      quantise_block(args.x.token(t) + b * kXBlockElems, args.out.tile(t - in_tile, b)[in_tile]);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<QuantiseArgs> kQuantise = EDDY_PER_ISA(quantise);
}  // namespace eddy
#endif
