// What RWKV-7 (Peng et al. 2025, section 4) makes of its projections, head by head:
//   w = exp(-0.606531 sigmoid(w_bias + w));  rate = sigmoid(a_bias + a)
//   kk = k k_k, times 1 / max(|kk|, 1e-12);  a = -kk;  b = kk rate
//   k = fma(rate - 1, k k_a, k);  v = fma(v_first - v, sigmoid(v_bias + v_mix), v)
// All {n_head * head_size, n_tokens}. Reads 44 bytes and writes 20 for each channel and token;
// about 110 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/wkv7_prepare.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// 1 / |k k_k| of one head, or 1e12.
HWY_INLINE V16 inverse_length(const float* k, const float* k_k, std::int64_t n) {
  V16 squares = zeros();
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(n, i / kLanes);
    const V16 kk = mul(load_first(k + i, count), load_first(k_k + i, count));
    squares = fma(kk, kk, squares);
  }
  const float length = std::sqrt(sum_lanes(squares));
  return broadcast(1.0f / (1e-12f > length ? 1e-12f : length));
}

// w, a, b and k of token t; `first` is the head's first element.
HWY_INLINE void prepare_keys(const Wkv7PrepareArgs& args, std::int64_t t, std::int64_t first) {
  const V16 one = broadcast(1.0f),
            inverse =
                inverse_length(args.k.token(t) + first, args.k_k.data() + first, args.head_size);
  for (std::int64_t i = first; i < first + args.head_size; i += kLanes) {
    const std::int64_t count = n_in_sixteen(args.head_size, (i - first) / kLanes);
    const V16 w =
        add(load_first(args.w_bias.data() + i, count), load_first(args.w.token(t) + i, count));
    store_first(exp(mul(broadcast(-0.606531f), sigmoid(w))), args.w.token(t) + i, count);
    const V16 rate = sigmoid(
        add(load_first(args.a_bias.data() + i, count), load_first(args.a.token(t) + i, count)));
    const V16 k = load_first(args.k.token(t) + i, count);
    const V16 kk = mul(mul(k, load_first(args.k_k.data() + i, count)), inverse);
    store_first(sub(zeros(), kk), args.a.token(t) + i, count);
    store_first(mul(kk, rate), args.b.token(t) + i, count);
    const V16 scaled = mul(k, load_first(args.k_a.data() + i, count));
    store_first(fma(sub(rate, one), scaled, k), args.k.token(t) + i, count);
  }
}

HWY_INLINE void mix_values(const Wkv7PrepareArgs& args, std::int64_t t) {
  for (std::int64_t i = 0; i < args.v.n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(args.v.n, i / kLanes);
    const V16 share = sigmoid(
        add(load_first(args.v_bias.data() + i, count), load_first(args.v_mix.token(t) + i, count)));
    const V16 v = load_first(args.v.token(t) + i, count);
    const V16 away = sub(load_first(args.v_first.token(t) + i, count), v);
    store_first(fma(away, share, v), args.v.token(t) + i, count);
  }
}

void wkv7_prepare(const Wkv7PrepareArgs& args, Share tokens) {
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t first = 0; first < args.k.n; first += args.head_size) {
      prepare_keys(args, t, first);
    }
    if (args.v_first.n > 0) mix_values(args, t);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<Wkv7PrepareArgs> kWkv7Prepare = EDDY_PER_ISA(wkv7_prepare);
}  // namespace eddy
#endif
