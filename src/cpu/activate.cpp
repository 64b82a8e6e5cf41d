// out[t, i] = scale * f(x[t, i] + bias[i]); f one of ops.h's Activation. x, out {n, n_tokens}; bias
// of n or none. Reads 4 or 8 bytes and writes 4 for each element; up to 30 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/activate.cpp"
#include <hwy/foreach_target.h>

#include "cpu/activation-inl.h"
#include "cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <Activation kFunction>
void activate_tokens(const ActivateArgs& args, Share tokens) {
  const V16 scale = broadcast(args.scale);
  const float* bias = args.bias.empty() ? nullptr : args.bias.data();
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t i = 0; i < args.x.n; i += kLanes) {
      const std::int64_t count = n_in_sixteen(args.x.n, i / kLanes);
      V16 x = load_first(args.x.token(t) + i, count);
      if (bias) x = add(x, load_first(bias + i, count));
      store_first(mul(scale, activated<kFunction>(x)), args.out.token(t) + i, count);
    }
  }
}

void activate(const ActivateArgs& args, Share tokens) {
  EDDY_BY_ACTIVATION(activate_tokens, args.function, args, tokens)
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<ActivateArgs> kActivate = EDDY_PER_ISA(activate);
}  // namespace eddy
#endif
