// RMSNorm (Zhang & Sennrich 2019) over groups of n = group_size elements of a token:
//   out[i] = x[i] * (1 / sqrt(sum_j x[j]^2 / n + eps)) * weight[i] + bias[i]
// x, out {n_groups * n, n_tokens}; weight and bias of that length or none. Reads 8 bytes and writes
// 4 for each element (x stays in the cache for the second pass); 4 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/rms_norm.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

void rms_norm(const RmsNormArgs& args, Share tokens) {
  const std::int64_t size = args.group_size;
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t first = 0; first < args.x.n; first += size) {
      const NormWeights weights = {
          .weight = args.weight.empty() ? nullptr : args.weight.data() + first,
          .bias = args.bias.empty() ? nullptr : args.bias.data() + first};
      norm_group(args.x.token(t) + first, weights, size, args.eps, args.out.token(t) + first);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<RmsNormArgs> kRmsNorm = EDDY_PER_ISA(rms_norm);
}  // namespace eddy
#endif
