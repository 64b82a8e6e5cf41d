// What RWKV does with the output of its recurrence, head by head (ops.h):
//   out[i] = fma(bonus, v[i], norm(x)[i] * weight[i] + bias[i]) * f(gate[i])
//   bonus = sum_j k[j] r[j] r_k[j]
// All {n_head * head_size, n_tokens}. Reads up to 36 bytes and writes 4 for each element; 13 flops
// for each, and f.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/wkv_output.cpp"
#include <hwy/foreach_target.h>

#include "cpu/activation-inl.h"
#include "cpu/kernels.h"
#include "cpu/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// The head that begins with element `first` of token t: out += bonus v.
HWY_INLINE void add_bonus(const WkvOutputArgs& args, std::int64_t t, std::int64_t first) {
  const std::int64_t n = args.head_size;
  const float *r = args.r.token(t) + first, *k = args.k.token(t) + first;
  V16 sum = zeros();
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(n, i / kLanes);
    const V16 kr = mul(load_first(k + i, count), load_first(r + i, count));
    sum = fma(kr, load_first(args.r_k.data() + first + i, count), sum);
  }
  const V16 bonus = broadcast(sum_lanes(sum));
  float* out = args.out.token(t) + first;
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(n, i / kLanes);
    const V16 v = load_first(args.v.token(t) + first + i, count);
    store_first(fma(bonus, v, load_first(out + i, count)), out + i, count);
  }
}

template <Activation kFunction>
HWY_INLINE void gate_token(const WkvOutputArgs& args, std::int64_t t) {
  float* out = args.out.token(t);
  for (std::int64_t i = 0; i < args.x.n; i += kLanes) {
    const std::int64_t count = n_in_sixteen(args.x.n, i / kLanes);
    const V16 gate = activated<kFunction>(load_first(args.gate.token(t) + i, count));
    store_first(mul(load_first(out + i, count), gate), out + i, count);
  }
}

template <Activation kFunction>
void output_tokens(const WkvOutputArgs& args, Share tokens) {
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    const float* x = args.x.token(t);
    float* out = args.out.token(t);
    for (std::int64_t first = 0; first < args.x.n; first += args.head_size) {
      if (args.weight.empty()) {
        if (out != x) std::copy_n(x + first, args.head_size, out + first);
      } else {
        layer_norm_group(x + first, {args.weight.data() + first, args.bias.data() + first},
                         args.head_size, args.eps, out + first);
      }
      if (!args.r_k.empty()) add_bonus(args, t, first);
    }
    if (args.gate.n > 0) gate_token<kFunction>(args, t);
  }
}

void wkv_output(const WkvOutputArgs& args, Share tokens) {
  EDDY_BY_ACTIVATION(output_tokens, args.function, args, tokens)
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<WkvOutputArgs> kWkvOutput = EDDY_PER_ISA(wkv_output);
}  // namespace eddy
#endif
