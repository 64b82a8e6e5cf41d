// The recurrence of RWKV-6 (Peng et al. 2024, section 4.2) and, without u, gated linear attention
// (Yang et al. 2023); in each head, j a value's index (a row of the state), i a key's (a column):
//   s'[j, i] = fma(w[i], s[j, i], k[i] v[j]), rounded to the state's type;  i rises
//   with u:    out[j] = scale * fma(sum_i r[i] u[i] k[i], v[j], sum_i r[i] s[j, i])
//   without u: out[j] = scale * sum_i r[i] s'[j, i]
// r, w, k, out {n_head * head_size, n_tokens}, v {n_head_kv * head_size, n_tokens}; state by heads,
// see wkv-inl.h. Moves 20 bytes for each channel and token, and two state rows for each lane; 5
// flops for each element of the state and token.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/wkv6.cpp"
#include <hwy/foreach_target.h>

#include "cpu/wkv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// What the output is made of: nothing is asked for (a replay), the new state, or the old one and a
// bonus.
enum class WkvOut { kNone, kNew, kBonus };

// sum_i r[i] u[i] k[i]
HWY_INLINE V16 bonus_of(const float* r, const float* u, const float* k, std::int64_t n) {
  V16 sum = zeros();
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(n, i / kLanes);
    const V16 ru = mul(load_first(r + i, count), load_first(u + i, count));
    sum = fma(ru, load_first(k + i, count), sum);
  }
  return broadcast(sum_lanes(sum));
}

// Groups of rows group .. group + kGroups - 1 of one head and token.
template <class Type, WkvOut kOut, int kGroups>
HWY_INLINE void wkv6_rows(const Wkv6Args& args, std::int64_t t, std::int64_t head,
                          std::int64_t group, const HeadState<Type>& state) {
  const std::int64_t size = args.head_size, first = head * size;
  const std::int64_t kv = head / (args.out.n / args.v.n) * size;
  constexpr bool kHasOut = kOut != WkvOut::kNone, kHasU = kOut == WkvOut::kBonus;
  const float* r = kHasOut ? args.r.token(t) + first : nullptr;
  const float *w = args.w.token(t) + first, *k = args.k.token(t) + first;
  std::int64_t count[kGroups];
  V16 v[kGroups], y[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    count[g] = n_in_sixteen(size, group + g);
    v[g] = load_first(args.v.token(t) + kv + (group + g) * kLanes, count[g]);
    y[g] = zeros();
  }
  for (std::int64_t i = 0; i < size; ++i) {
    const V16 ri = kHasOut ? broadcast(r[i]) : zeros();
    const V16 wi = broadcast(w[i]), ki = broadcast(k[i]);
    for (int g = 0; g < kGroups; ++g) {
      const V16 s = state.get(i, group + g);
      const V16 next = state.rounded(fma(s, wi, mul(v[g], ki)), t, i, group + g);
      state.set(i, group + g, next);
      if (kHasOut) y[g] = fma(kHasU ? s : next, ri, y[g]);
    }
  }
  if (!kHasOut) return;
  const V16 bonus = kHasU ? bonus_of(r, args.u.data() + first, k, size) : zeros();
  const V16 scale = broadcast(args.scale);
  for (int g = 0; g < kGroups; ++g) {
    const V16 sum = kHasU ? fma(bonus, v[g], y[g]) : y[g];
    store_first(mul(scale, sum), args.out.token(t) + first + (group + g) * kLanes, count[g]);
  }
}

// One head of a piece of a lane.
template <class Type, WkvOut kOut>
HWY_INLINE void wkv6_head(const Wkv6Args& args, const Lane& lane, std::int64_t head) {
  constexpr int kGroups = 4;
  HeadState<Type> state(args.state, lane, head, args.head_size);
  for (std::int64_t t = lane.first_token; t < lane.first_token + lane.n_tokens; ++t) {
    std::int64_t g = 0;
    for (; g + kGroups <= state.n_groups(); g += kGroups) {
      wkv6_rows<Type, kOut, kGroups>(args, t, head, g, state);
    }
    for (; g < state.n_groups(); ++g) wkv6_rows<Type, kOut, 1>(args, t, head, g, state);
    state.turn();
  }
  state.clear_behind();
}

template <class Type>
void wkv6_lanes(const Wkv6Args& args, Share units) {
  if (!args.out.data) {
    return each_head_of_lanes<Wkv6Args, wkv6_head<Type, WkvOut::kNone>>(args, units);
  }
  if (args.u.empty()) {
    return each_head_of_lanes<Wkv6Args, wkv6_head<Type, WkvOut::kNew>>(args, units);
  }
  return each_head_of_lanes<Wkv6Args, wkv6_head<Type, WkvOut::kBonus>>(args, units);
}

void wkv6(const Wkv6Args& args, Share units) {
  switch (args.state.type) {
    case DType::kF16: return wkv6_lanes<F16>(args, units);
    case DType::kBF16: return wkv6_lanes<BF16>(args, units);
    default: return wkv6_lanes<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<Wkv6Args> kWkv6 = EDDY_PER_ISA(wkv6);
}  // namespace eddy
#endif
