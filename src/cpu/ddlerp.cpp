// The data-dependent lerp of RWKV-6 (Peng et al. 2024, section 4.1):
//   out[c, t] = fma(delta[t], lerp[c] + mix[c, t], x[t])
// x, delta {n, n_tokens}, lerp {n, n_out}, mix, out {n * n_out, n_tokens}. Reads 8 + 4 n_out bytes
// and writes 4 n_out for each element of x; 3 n_out flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/ddlerp.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

void ddlerp(const DdlerpArgs& args, Share tokens) {
  const std::int64_t n = args.x.n;
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t channel = 0; channel < n; channel += kLanes) {
      const std::int64_t count = n_in_sixteen(n, channel / kLanes);
      const V16 x = load_first(args.x.token(t) + channel, count);
      const V16 delta = load_first(args.delta.token(t) + channel, count);
      for (std::int64_t i = channel; i < args.out.n; i += n) {
        const V16 lerp =
            add(load_first(args.lerp.data() + i, count), load_first(args.mix.token(t) + i, count));
        store_first(fma(delta, lerp, x), args.out.token(t) + i, count);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<DdlerpArgs> kDdlerp = EDDY_PER_ISA(ddlerp);
}  // namespace eddy
#endif
