// The recurrence of Mamba-2 (Dao & Gu 2024, section 3), with skip; head h, group g of the head:
//   d = softplus(dt[h] + dt_bias[h])
//   s[p, n] = fma(exp(d a[h]), s[p, n], (d x[p]) b[g, n]), rounded to the state's type
//   out[p] = fma(skip[h], x[p], sum_n s[p, n] c[g, n]);  n rises
// Sixteen channels p at a time; state {16, d_state, head_dim / 16, n_head}. A vector of the state
// is loaded and stored once for several tokens. Moves 8 bytes for each channel and token, b and c,
// and two state rows for each lane; 5 flops for each element of the state and token.
// Without an out it only makes the states again.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/ssd_scan.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"
#include "cpu/state_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// What a unit works on: `count` channels from `first` on, all of head `head`.
struct SsdUnit {
  std::int64_t head, first, count;
};

HWY_INLINE SsdUnit ssd_unit(const SsdScanArgs& args, std::int64_t unit) {
  const std::int64_t n_units = n_sixteens(args.head_dim);
  const std::int64_t head = unit / n_units, in_head = unit % n_units;
  return {head, head * args.head_dim + in_head * kLanes, n_in_sixteen(args.head_dim, in_head)};
}

// Tokens t .. t + kTokens - 1.
template <class Type, bool kHasOut, int kTokens>
HWY_INLINE void ssd_tokens(const SsdScanArgs& args, const SsdUnit& unit, std::int64_t t,
                           StateTile<Type>& state) {
  const std::int64_t group = unit.head / (args.n_head / args.n_group);
  const auto head = static_cast<std::size_t>(unit.head);
  const float *b[kTokens], *c[kTokens];
  V16 decay[kTokens], dx[kTokens], y[kTokens];
  for (int i = 0; i < kTokens; ++i) {
    b[i] = args.b.token(t + i) + group * args.d_state;
    c[i] = kHasOut ? args.c.token(t + i) + group * args.d_state : nullptr;
    prefetch_next_units(args.x.token(t + i) + unit.first);
    const V16 d = softplus(broadcast(args.dt.token(t + i)[unit.head] + args.dt_bias[head]));
    decay[i] = exp(mul(d, broadcast(args.a[head])));
    dx[i] = mul(d, load_first(args.x.token(t + i) + unit.first, unit.count));
    y[i] = zeros();
  }
  for (std::int64_t n = 0; n < args.d_state; ++n) {
    V16 s = state.get(n);
    for (int i = 0; i < kTokens; ++i) {
      s = state.rounded(fma(decay[i], s, mul(dx[i], broadcast(b[i][n]))), t + i, n);
      if (kHasOut) y[i] = fma(s, broadcast(c[i][n]), y[i]);
    }
    state.set(n, s);
  }
  state.turn();
  for (int i = 0; kHasOut && i < kTokens; ++i) {
    const V16 x = load_first(args.x.token(t + i) + unit.first, unit.count);
    store_first(fma(broadcast(args.skip[head]), x, y[i]), args.out.token(t + i) + unit.first,
                unit.count);
  }
}

template <class Type, bool kHasOut>
HWY_INLINE void ssd_piece(const SsdScanArgs& args, const Lane& lane, std::int64_t i) {
  constexpr int kTokens = 4;
  const SsdUnit unit = ssd_unit(args, i);
  StateTile<Type> state(args.state, lane, i * args.d_state * kLanes, kLanes);
  std::int64_t t = lane.first_token;
  const std::int64_t end = t + lane.n_tokens;
  for (; end - t >= kTokens; t += kTokens) {
    ssd_tokens<Type, kHasOut, kTokens>(args, unit, t, state);
  }
  for (; t < end; ++t) ssd_tokens<Type, kHasOut, 1>(args, unit, t, state);
  state.clear_behind(unit.count, args.d_state);
}

template <class Type, bool kHasOut>
void ssd_lanes(const SsdScanArgs& args, Share units) {
  for (const Lane& lane : args.lanes) {
    for (std::int32_t t = 0; t < lane.n_tokens; t += kPieceTokens) {
      const Lane piece = piece_of(lane, t);
      for (std::int64_t i = units.first; i < units.last; ++i) {
        ssd_piece<Type, kHasOut>(args, piece, i);
      }
    }
  }
}

template <class Type>
void ssd_scan_or_replay(const SsdScanArgs& args, Share units) {
  if (args.out.data) return ssd_lanes<Type, true>(args, units);
  return ssd_lanes<Type, false>(args, units);
}

void ssd_scan(const SsdScanArgs& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return ssd_scan_or_replay<F16>(args, units);
    case DType::kBF16: return ssd_scan_or_replay<BF16>(args, units);
    default: return ssd_scan_or_replay<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<SsdScanArgs> kSsdScan = EDDY_PER_ISA(ssd_scan);
}  // namespace eddy
#endif
