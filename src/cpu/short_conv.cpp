// Causal depthwise convolution over time, then SiLU (Gu & Dao 2023, section 3.4) or nothing:
//   out[t, c] = silu(bias[c] + sum_k weight[k, c] * v[t - (K - 1) + k, c]),  K = d_conv
// v[t] for t >= 0 is x[t] rounded to the state's type, for t < 0 the state; k rises.
// x, out {n_channels, n_tokens}, weight {n_channels, K}, state {n_channels, K - 1}: the oldest
// input first. Moves 8 bytes for each element of x, and two state rows for each lane; 2 K flops and
// SiLU for each element.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/short_conv.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"
#include "cpu/state_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// `count` channels from `first` on, of one lane.
template <class Type>
HWY_INLINE void convolve(const ShortConvArgs& args, const Lane& lane, std::int64_t first,
                         std::int64_t count) {
  const std::int64_t n_past = args.d_conv - 1, n_channels = args.x.n;
  StateTile<Type> state(args.state, lane, first, n_channels);
  const ConstMat x = {args.x.token(lane.first_token) + first, count, lane.n_tokens, args.x.stride};
  const V16 bias = load_first(args.bias.data() + first, count);
  for (std::int64_t t = 0; args.out.data && t < x.n_tokens; ++t) {
    prefetch_next_units(x.token(t));
    V16 sum = bias;
    for (std::int64_t k = 0; k <= n_past; ++k) {
      const std::int64_t i = t - n_past + k;
      const V16 v =
          i < 0 ? state.get(i + n_past, count) : rounded_to<Type>(load_first(x.token(i), count));
      sum = fma(load_first(args.weight.data() + k * n_channels + first, count), v, sum);
    }
    store_first(args.has_silu ? silu(sum) : sum, args.out.token(lane.first_token + t) + first,
                count);
  }
  // In place this is right because it reads the old state ahead of where it writes the new one.
  for (std::int64_t k = 0; k < n_past; ++k) {
    const std::int64_t i = x.n_tokens - n_past + k;
    state.set(k, i < 0 ? state.get(i + n_past, count) : load_first(x.token(i), count), count);
  }
}

template <class Type>
void convolve_lanes(const ShortConvArgs& args, Share units) {
  for (const Lane& lane : args.lanes) {
    for (std::int32_t t = 0; t < lane.n_tokens; t += kPieceTokens) {
      const Lane piece = piece_of(lane, t);
      for (std::int64_t unit = units.first; unit < units.last; ++unit) {
        convolve<Type>(args, piece, unit * kLanes, n_in_sixteen(args.x.n, unit));
      }
    }
  }
}

void short_conv(const ShortConvArgs& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return convolve_lanes<F16>(args, units);
    case DType::kBF16: return convolve_lanes<BF16>(args, units);
    default: return convolve_lanes<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<ShortConvArgs> kShortConv = EDDY_PER_ISA(short_conv);
}  // namespace eddy
#endif
