// The recurrence of RWKV-7 (Peng et al. 2025, section 4); in each head, i a value's index (a row of
// the state), j a key's (a column):
//   sa[i] = sum_j a[j] s[i, j];  out[i] = sum_j r[j] s'[i, j];  j rises
//   s'[i, j] = fma(w[j], s[i, j], fma(k[j], v[i], b[j] sa[i])), rounded to the state's type
// All inputs and out {n_head * head_size, n_tokens}; state by heads, see wkv-inl.h. The state of a
// head stays in the cache for the tokens of a piece. Moves 28 bytes for each channel and token, and
// two state rows for each lane; 9 flops for each element of the state and token.
// Without an out it only makes the states again.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/wkv7.cpp"
#include <hwy/foreach_target.h>

#include "cpu/wkv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Groups of rows group .. group + kGroups - 1 of one head and token: as many sums at a time keep
// the machine's multipliers busy.
template <class Type, bool kHasOut, int kGroups>
HWY_INLINE void wkv7_rows(const Wkv7Args& args, std::int64_t t, std::int64_t head,
                          std::int64_t group, const HeadState<Type>& state) {
  const std::int64_t first = head * args.head_size, row = first + group * kLanes;
  const float* r = kHasOut ? args.r.token(t) + first : nullptr;
  const float* w = args.w.token(t) + first;
  const float *k = args.k.token(t) + first, *a = args.a.token(t) + first;
  const float* b = args.b.token(t) + first;
  std::int64_t count[kGroups];
  V16 v[kGroups], sa[kGroups], y[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    count[g] = n_in_sixteen(args.head_size, group + g);
    v[g] = load_first(args.v.token(t) + row + g * kLanes, count[g]);
    sa[g] = y[g] = zeros();
  }
  for (std::int64_t j = 0; j < args.head_size; ++j) {
    for (int g = 0; g < kGroups; ++g) {
      sa[g] = fma(state.get(j, group + g), broadcast(a[j]), sa[g]);
    }
  }
  for (std::int64_t j = 0; j < args.head_size; ++j) {
    const V16 wj = broadcast(w[j]), kj = broadcast(k[j]), bj = broadcast(b[j]);
    const V16 rj = kHasOut ? broadcast(r[j]) : zeros();
    for (int g = 0; g < kGroups; ++g) {
      const V16 added = fma(v[g], kj, mul(sa[g], bj));
      const V16 s = state.rounded(fma(state.get(j, group + g), wj, added), t, j, group + g);
      state.set(j, group + g, s);
      if (kHasOut) y[g] = fma(s, rj, y[g]);
    }
  }
  for (int g = 0; kHasOut && g < kGroups; ++g) {
    store_first(y[g], args.out.token(t) + row + g * kLanes, count[g]);
  }
}

// One head of a piece of a lane.
template <class Type, bool kHasOut>
HWY_INLINE void wkv7_head(const Wkv7Args& args, const Lane& lane, std::int64_t head) {
  constexpr int kGroups = 4;
  HeadState<Type> state(args.state, lane, head, args.head_size);
  for (std::int64_t t = lane.first_token; t < lane.first_token + lane.n_tokens; ++t) {
    std::int64_t g = 0;
    for (; g + kGroups <= state.n_groups(); g += kGroups) {
      wkv7_rows<Type, kHasOut, kGroups>(args, t, head, g, state);
    }
    for (; g < state.n_groups(); ++g) wkv7_rows<Type, kHasOut, 1>(args, t, head, g, state);
    state.turn();
  }
  state.clear_behind();
}

template <class Type>
void wkv7_lanes(const Wkv7Args& args, Share units) {
  if (args.out.data) return each_head_of_lanes<Wkv7Args, wkv7_head<Type, true>>(args, units);
  return each_head_of_lanes<Wkv7Args, wkv7_head<Type, false>>(args, units);
}

void wkv7(const Wkv7Args& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return wkv7_lanes<F16>(args, units);
    case DType::kBF16: return wkv7_lanes<BF16>(args, units);
    default: return wkv7_lanes<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<Wkv7Args> kWkv7 = EDDY_PER_ISA(wkv7);
}  // namespace eddy
#endif
