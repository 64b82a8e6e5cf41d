// The functions of ops.h's Activation on sixteen lanes.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_ACTIVATION_INL_H_
#undef EDDY_CPU_ACTIVATION_INL_H_
#else
#define EDDY_CPU_ACTIVATION_INL_H_
#endif

#include "cpu/math-inl.h"
#include "tensor/ops.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <Activation kFunction>
HWY_INLINE V16 activated(V16 x) {
  if constexpr (kFunction == Activation::kSigmoid) return sigmoid(x);
  if constexpr (kFunction == Activation::kSilu) return silu(x);
  if constexpr (kFunction == Activation::kTanh) return tanh(x);
  if constexpr (kFunction == Activation::kGelu) return gelu_tanh(x);
  if constexpr (kFunction == Activation::kReluSquared) {
    const V16 positive = at_least(zeros(), x);
    return mul(positive, positive);
  }
  return x;
}

// kernel<function>(args, units): the choice of the function is made once for a call.
#define EDDY_BY_ACTIVATION(kernel, function, args, units)                                \
  switch (function) {                                                                    \
    case Activation::kIdentity: return kernel<Activation::kIdentity>(args, units);       \
    case Activation::kSigmoid: return kernel<Activation::kSigmoid>(args, units);         \
    case Activation::kSilu: return kernel<Activation::kSilu>(args, units);               \
    case Activation::kTanh: return kernel<Activation::kTanh>(args, units);               \
    case Activation::kGelu: return kernel<Activation::kGelu>(args, units);               \
    case Activation::kReluSquared: return kernel<Activation::kReluSquared>(args, units); \
  }

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
