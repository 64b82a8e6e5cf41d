// The bias of a linear layer, laid down before the product is added to it: out = bias (+ out).
// bias {n_out}, out {n_out, n_tokens}. Writes 4 bytes for each element, and reads 4 of a residual.
// A pass of its own, so that no product with a type of weights needs to know about it; it is 1 /
// n_in of the work.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/lay_bias.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

void lay_bias(const LinearArgs& args, Share tokens) {
  const std::int64_t n = args.out.n;
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t i = 0; i < n; i += kLanes) {
      const std::int64_t count = n - i < kLanes ? n - i : kLanes;
      float* out = args.out.token(t) + i;
      const V16 bias = load_first(args.bias.data() + i, count);
      store_first(args.accumulate ? add(load_first(out, count), bias) : bias, out, count);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<LinearArgs> kLayBias = EDDY_PER_ISA(lay_bias);
}  // namespace eddy
#endif
