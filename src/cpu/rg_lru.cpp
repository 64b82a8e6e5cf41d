// The real-gated linear recurrent unit (De et al. 2024, "Griffin", section 2.4):
//   a = exp(sigmoid(gate_a + bias_a) decay);  i = sigmoid(gate_x + bias_x) x
//   h = fma(a, h, sqrt(-expm1(2 log a)) i), rounded to the state's type; i at a sequence's first
//   token
// 1 - a^2 as -expm1(2 log a) keeps its digits where a is close to 1, which is where it is trained
// to be. Sixteen channels at a time; x, gates, out {n, n_tokens}, state {n}. Moves 16 bytes for
// each element of x, and two state rows for each lane; about 90 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/rg_lru.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"
#include "cpu/state_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// The state of `count` channels from `first` on after a lane, which is there already.
template <class Type>
HWY_INLINE void replay(const RgLruArgs& args, const Lane& lane, std::int64_t first,
                       std::int64_t count) {
  const std::int64_t last = lane.first_token + lane.n_tokens - 1;
  const StateTile<Type> state(args.state, lane, first, kLanes);
  state.set(0, load_first(args.h.token(last) + first, count), count);
}

// `count` channels from `first` on, of one lane.
template <class Type>
HWY_INLINE void recur(const RgLruArgs& args, const Lane& lane, std::int64_t first,
                      std::int64_t count) {
  StateTile<Type> state(args.state, lane, first, kLanes);
  const V16 bias_x = load_first(args.bias_x.data() + first, count);
  const V16 bias_a = load_first(args.bias_a.data() + first, count);
  const V16 decay = load_first(args.decay.data() + first, count);
  V16 h = state.get(0, count);
  for (std::int64_t t = lane.first_token; t < lane.first_token + lane.n_tokens; ++t) {
    for (const ConstMat& in : {args.x, args.gate_x, args.gate_a}) {
      prefetch_next_units(in.token(t) + first);
    }
    const V16 gate = sigmoid(add(load_first(args.gate_x.token(t) + first, count), bias_x));
    const V16 input = mul(gate, load_first(args.x.token(t) + first, count));
    if (t == lane.first_token && lane.src == kZeroRow) {
      h = state.rounded(input, t, 0);
    } else {
      const V16 r = sigmoid(add(load_first(args.gate_a.token(t) + first, count), bias_a));
      const V16 log_a = mul(r, decay);
      const V16 scale = sqrt(sub(zeros(), expm1(add(log_a, log_a))));
      h = state.rounded(fma(exp(log_a), h, mul(scale, input)), t, 0);
    }
    store_first(h, args.out.token(t) + first, count);
  }
  state.set(0, h, count);
}

template <class Type>
void recur_lanes(const RgLruArgs& args, Share units) {
  for (const Lane& lane : args.lanes) {
    for (std::int32_t t = 0; t < lane.n_tokens; t += kPieceTokens) {
      const Lane piece = piece_of(lane, t);
      for (std::int64_t unit = units.first; unit < units.last; ++unit) {
        const std::int64_t first = unit * kLanes, count = n_in_sixteen(args.x.n, unit);
        args.out.data ? recur<Type>(args, piece, first, count)
                      : replay<Type>(args, piece, first, count);
      }
    }
  }
}

void rg_lru(const RgLruArgs& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return recur_lanes<F16>(args, units);
    case DType::kBF16: return recur_lanes<BF16>(args, units);
    default: return recur_lanes<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<RgLruArgs> kRgLru = EDDY_PER_ISA(rg_lru);
}  // namespace eddy
#endif
