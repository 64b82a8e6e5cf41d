// The token shift of RWKV (Peng et al. 2023, section 3.1) and the lerps from it:
//   delta[t] = before[t] - x[t];  out[c, t] = fma(delta[t], lerp[c], x[t])
// before[t] is x[t - 1], for a lane's first token the state, rounded to the state's type.
// x, delta {n, n_tokens}, out {n * n_out, n_tokens}, lerp {n, n_out}, n elements of the state row.
// Reads 4 bytes and writes 4 n_out (and 4 for delta) for each element of x, and two state rows for
// each lane; 1 + 2 n_out flops for each element.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/token_shift.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/state_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// `count` channels from `channel` on, of one token.
HWY_INLINE void mix(const TokenShiftArgs& args, std::int64_t t, std::int64_t channel,
                    std::int64_t count, V16 before) {
  const V16 x = load_first(args.x.token(t) + channel, count);
  const V16 delta = sub(before, x);
  if (args.delta.n > 0) store_first(delta, args.delta.token(t) + channel, count);
  for (std::int64_t first = channel; first < args.out.n; first += args.x.n) {
    const V16 lerp = load_first(args.lerp.data() + first, count);
    store_first(fma(delta, lerp, x), args.out.token(t) + first, count);
  }
}

// The channels of the units, token by token, so that memory is gone through in its order.
template <class Type>
void shift_lane(const TokenShiftArgs& args, const Lane& lane, Share units) {
  const std::int64_t last = lane.first_token + lane.n_tokens - 1;
  for (std::int64_t t = args.out.data ? lane.first_token : last; t <= last; ++t) {
    for (std::int64_t unit = units.first; unit < units.last; ++unit) {
      const std::int64_t channel = unit * kLanes, count = n_in_sixteen(args.x.n, unit);
      const StateTile<Type> state(args.state, lane, args.first + channel, kLanes);
      const V16 before = t == lane.first_token
                             ? state.get(0, count)
                             : rounded_to<Type>(load_first(args.x.token(t - 1) + channel, count));
      if (args.out.data) mix(args, t, channel, count, before);
      if (t == last) state.set(0, load_first(args.x.token(t) + channel, count), count);
    }
  }
}

template <class Type>
void shift_lanes(const TokenShiftArgs& args, Share units) {
  for (const Lane& lane : args.lanes) shift_lane<Type>(args, lane, units);
}

void token_shift(const TokenShiftArgs& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return shift_lanes<F16>(args, units);
    case DType::kBF16: return shift_lanes<BF16>(args, units);
    default: return shift_lanes<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<TokenShiftArgs> kTokenShift = EDDY_PER_ISA(token_shift);
}  // namespace eddy
#endif
