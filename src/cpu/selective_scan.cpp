// Selective scan of Mamba (Gu & Dao 2023, algorithm 2), with skip and gate:
//   d = softplus(dt[c] + dt_bias[c])
//   s[c, n] = fma(exp(d a[c, n]), s[c, n], (d x[c]) b[n]), rounded to the state's type
//   out[c] = silu(gate[c]) * fma(skip[c], x[c], sum_n s[c, n] c[n]);  n rises
// Sixteen channels at a time; state and a {16, d_state, d_inner / 16 rounded up}. Moves 20 bytes
// for each channel and token, two state rows for each lane, and a; an exp and 5 flops for each
// element of the state and token. Without an out it only makes the states again.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/selective_scan.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"
#include "cpu/state_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// The largest |a| of each channel; where one is NaN, that.
HWY_INLINE V16 largest_of(const float* a, std::int64_t d_state) {
  I16 largest = broadcast_int(0);
  for (std::int64_t n = 0; n < d_state; ++n) {
    largest = max_int(largest, bits(abs(load(a + n * kLanes))));
  }
  return from_bits(largest);
}

// All states of sixteen channels at token t; their sum weighted by c, if there is one.
//   kSmall: every d a is (math-inl.h)
template <class Type, bool kHasOut, bool kSmall>
HWY_INLINE V16 scan_states(const SelectiveScanArgs& args, StateTile<Type>& state, const float* a,
                           std::int64_t t, V16 d, V16 dx) {
  const float* b = args.b.token(t);
  const float* c = kHasOut ? args.c.token(t) : nullptr;
  V16 y = zeros();
  for (std::int64_t n = 0; n < args.b.n; ++n) {
    const V16 da = mul(d, load(a + n * kLanes)), decay = kSmall ? exp_of_small(da) : exp(da);
    const V16 s = state.rounded(fma(decay, state.get(n), mul(dx, broadcast(b[n]))), t, n);
    state.set(n, s);
    if (kHasOut) y = fma(s, broadcast(c[n]), y);
  }
  state.turn();
  return y;
}

// `count` channels from `first` on, of one lane.
template <class Type, bool kHasOut>
HWY_INLINE void scan(const SelectiveScanArgs& args, const Lane& lane, std::int64_t first,
                     std::int64_t count) {
  const std::int64_t d_state = args.b.n;
  StateTile<Type> state(args.state, lane, first * d_state, kLanes);
  const V16 dt_bias = load_first(args.dt_bias.data() + first, count);
  const V16 skip = load_first(args.skip.data() + first, count);
  const float* a = args.a.data() + first * d_state;
  const V16 largest_a = largest_of(a, d_state);
  for (std::int64_t t = lane.first_token; t < lane.first_token + lane.n_tokens; ++t) {
    for (const ConstMat& in : {args.x, args.dt}) prefetch_next_units(in.token(t) + first);
    if (kHasOut) prefetch_next_units(args.gate.token(t) + first);
    const V16 x = load_first(args.x.token(t) + first, count);
    const V16 d = softplus(add(load_first(args.dt.token(t) + first, count), dt_bias));
    const V16 dx = mul(d, x);
    const V16 y = HWY_LIKELY(is_small(mul(d, largest_a)))
                      ? scan_states<Type, kHasOut, true>(args, state, a, t, d, dx)
                      : scan_states<Type, kHasOut, false>(args, state, a, t, d, dx);
    if (!kHasOut) continue;
    const V16 gate = silu(load_first(args.gate.token(t) + first, count));
    store_first(mul(gate, fma(skip, x, y)), args.out.token(t) + first, count);
  }
  state.clear_behind(count, d_state);
}

template <class Type, bool kHasOut>
void scan_lanes(const SelectiveScanArgs& args, Share units) {
  for (const Lane& lane : args.lanes) {
    for (std::int32_t t = 0; t < lane.n_tokens; t += kPieceTokens) {
      const Lane piece = piece_of(lane, t);
      for (std::int64_t unit = units.first; unit < units.last; ++unit) {
        scan<Type, kHasOut>(args, piece, unit * kLanes, n_in_sixteen(args.x.n, unit));
      }
    }
  }
}

template <class Type>
void scan_or_replay(const SelectiveScanArgs& args, Share units) {
  if (args.out.data) return scan_lanes<Type, true>(args, units);
  return scan_lanes<Type, false>(args, units);
}

void selective_scan(const SelectiveScanArgs& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return scan_or_replay<F16>(args, units);
    case DType::kBF16: return scan_or_replay<BF16>(args, units);
    default: return scan_or_replay<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<SelectiveScanArgs> kSelectiveScan = EDDY_PER_ISA(selective_scan);
}  // namespace eddy
#endif
