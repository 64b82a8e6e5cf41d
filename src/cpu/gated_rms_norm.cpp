// The gated norm of Mamba-2 (Dao & Gu 2024, section 7), over groups of n = group_size elements:
//   v = silu(gate) * x;  out[i] = v[i] * (1 / sqrt(sum_j v[j]^2 / n + eps)) * weight[i]
// x, gate, out {n_groups * n, n_tokens}. Reads 12 bytes and writes 4 for each element; about 30
// flops for each, most of them in SiLU.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gated_rms_norm.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"
#include "cpu/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

HWY_INLINE void gate_group(const float* x, const float* gate, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    const V16 v = mul(silu(load_first(gate + i, count)), load_first(x + i, count));
    store_first(v, out + i, count);
  }
}

void gated_rms_norm(const GatedRmsNormArgs& args, Share tokens) {
  const std::int64_t size = args.group_size;
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t first = 0; first < args.x.n; first += size) {
      float* out = args.out.token(t) + first;
      gate_group(args.x.token(t) + first, args.gate.token(t) + first, size, out);
      norm_group(out, {.weight = args.weight.data() + first}, size, args.eps, out);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<GatedRmsNormArgs> kGatedRmsNorm = EDDY_PER_ISA(gated_rms_norm);
}  // namespace eddy
#endif
