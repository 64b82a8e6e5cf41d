// out[t, i] = f(gate[t, i]) * x[t, i] (+ out[t, i]); f one of ops.h's Activation. x, gate, out
// {n, n_tokens}. Reads 8 or 12 bytes and writes 4 for each element; up to 31 flops for each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gate.cpp"
#include <hwy/foreach_target.h>

#include "cpu/activation-inl.h"
#include "cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <Activation kFunction>
void gate_tokens(const GateArgs& args, Share tokens) {
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    for (std::int64_t i = 0; i < args.x.n; i += kLanes) {
      const std::int64_t count = n_in_sixteen(args.x.n, i / kLanes);
      float* out = args.out.token(t) + i;
      const V16 x = load_first(args.x.token(t) + i, count);
      const V16 gate = activated<kFunction>(load_first(args.gate.token(t) + i, count));
      const V16 y = args.accumulate ? fma(gate, x, load_first(out, count)) : mul(gate, x);
      store_first(y, out, count);
    }
  }
}

void gate(const GateArgs& args, Share tokens) {
  EDDY_BY_ACTIVATION(gate_tokens, args.function, args, tokens)
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<GateArgs> kGate = EDDY_PER_ISA(gate);
}  // namespace eddy
#endif
