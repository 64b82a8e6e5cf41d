// LayerNorm (Ba et al. 2016) over the n elements of a token:
//   out[i] = (x[i] - mean) * (1 / sqrt(sum_j (x[j] - mean)^2 / n + eps)) * weight[i] + bias[i]
// x, out {n, n_tokens}. Reads 12 bytes and writes 4 for each element (x stays in the cache for the
// second and third pass); 7 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/layer_norm.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

void layer_norm(const LayerNormArgs& args, Share tokens) {
  const NormWeights weights = {.weight = args.weight.data(), .bias = args.bias.data()};
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    layer_norm_group(args.x.token(t), weights, args.x.n, args.eps, args.out.token(t));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<LayerNormArgs> kLayerNorm = EDDY_PER_ISA(layer_norm);
}  // namespace eddy
#endif
