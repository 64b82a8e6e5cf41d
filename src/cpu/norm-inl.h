// The norm of one group of elements, for rms_norm.cpp and gated_rms_norm.cpp.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_NORM_INL_H_
#undef EDDY_CPU_NORM_INL_H_
#else
#define EDDY_CPU_NORM_INL_H_
#endif

#include <cmath>

#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// out = x / sqrt(mean(x^2) + eps) * weight; weight may be nullptr, out may be x.
HWY_INLINE void norm_group(const float* x, const float* weight, std::int64_t n, float eps,
                           float* out) {
  V16 squares = zeros();
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const V16 v = load_first(x + i, n - i < kLanes ? n - i : kLanes);
    squares = fma(v, v, squares);
  }
  const float mean = sum_lanes(squares) / static_cast<float>(n);
  const V16 scale = broadcast(1.0f / std::sqrt(mean + eps));
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    V16 v = mul(load_first(x + i, count), scale);
    if (weight) v = mul(v, load_first(weight + i, count));
    store_first(v, out + i, count);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
