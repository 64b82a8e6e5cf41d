// The decay of RWKV-6 (Peng et al. 2024, section 4.2) and the keys of a gated linear attention:
//   w[i] = exp(-exp(bias[i] + x[i]));  key[h, i] = fma(-w[h, i], k[h_kv, i], k[h_kv, i])
// x, w, key {n_head * head_size, n_tokens}, k {n_head_kv * head_size, n_tokens}. Reads 8 bytes and
// writes 4 for each element, 4 more each with keys; about 40 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/wkv6_decay.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Elements first .. first + n - 1 of token t; `kv` is the first of k.
HWY_INLINE void decay_elements(const Wkv6DecayArgs& args, std::int64_t t, std::int64_t first,
                               std::int64_t kv, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(n, i / kLanes);
    const V16 d = add(load_first(args.bias.data() + first + i, count),
                      load_first(args.x.token(t) + first + i, count));
    const V16 w = exp(sub(zeros(), exp(d)));
    store_first(w, args.w.token(t) + first + i, count);
    if (args.k.n == 0) continue;
    const V16 k = load_first(args.k.token(t) + kv + i, count);
    store_first(fma(sub(zeros(), w), k, k), args.key.token(t) + first + i, count);
  }
}

void wkv6_decay(const Wkv6DecayArgs& args, Share tokens) {
  const std::int64_t size = args.head_size;
  const std::int64_t n_shared = args.k.n == 0 ? 1 : args.x.n / args.k.n;  // heads of a head of k
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t head = 0; head < args.x.n / size; ++head) {
      decay_elements(args, t, head * size, head / n_shared * size, size);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<Wkv6DecayArgs> kWkv6Decay = EDDY_PER_ISA(wkv6_decay);
}  // namespace eddy
#endif
