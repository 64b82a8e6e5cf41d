// x = cap * tanh(x / cap), in place; x {n, n_tokens}. Moves 8 bytes for each element; about 30
// flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/soft_cap.cpp"
#include <hwy/foreach_target.h>

#include "cpu/kernels.h"
#include "cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

void soft_cap(const SoftCapArgs& args, Share units) {
  const V16 cap = broadcast(args.cap);
  for (std::int64_t t = 0; t < args.x.n_tokens; ++t) {
    for (std::int64_t unit = units.first; unit < units.last; ++unit) {
      const std::int64_t count = n_in_sixteen(args.x.n, unit);
      float* x = args.x.token(t) + unit * kLanes;
      store_first(mul(cap, tanh(div(load_first(x, count), cap))), x, count);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<SoftCapArgs> kSoftCap = EDDY_PER_ISA(soft_cap);
}  // namespace eddy
#endif
