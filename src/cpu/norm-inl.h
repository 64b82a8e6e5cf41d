// The norms of one group of elements: RMSNorm and LayerNorm.
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

// weight and bias of a group; nullptr for none.
struct NormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;

  HWY_INLINE V16 apply(V16 v, std::int64_t i, std::int64_t count) const {
    if (bias) return fma(v, load_first(weight + i, count), load_first(bias + i, count));
    return weight ? mul(v, load_first(weight + i, count)) : v;
  }
};

// out = x / sqrt(mean(x^2) + eps) * weight + bias; a bias needs a weight; out may be x.
HWY_INLINE void norm_group(const float* x, NormWeights weights, std::int64_t n, float eps,
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
    const V16 v = mul(load_first(x + i, count), scale);
    store_first(weights.apply(v, i, count), out + i, count);
  }
}

// out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias with the variance over n; out may be x.
HWY_INLINE void layer_norm_group(const float* x, NormWeights weights, std::int64_t n, float eps,
                                 float* out) {
  V16 sum = zeros();
  for (std::int64_t i = 0; i < n; i += kLanes) {
    sum = add(sum, load_first(x + i, n - i < kLanes ? n - i : kLanes));
  }
  const V16 mean = broadcast(sum_lanes(sum) / static_cast<float>(n));
  V16 squares = zeros();
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    const V16 v = first_lanes(sub(load_first(x + i, count), mean), count);
    squares = fma(v, v, squares);
  }
  const float variance = sum_lanes(squares) / static_cast<float>(n);
  const V16 scale = broadcast(1.0f / std::sqrt(variance + eps));
  for (std::int64_t i = 0; i < n; i += kLanes) {
    const std::int64_t count = n - i < kLanes ? n - i : kLanes;
    const V16 v = mul(sub(load_first(x + i, count), mean), scale);
    store_first(weights.apply(v, i, count), out + i, count);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
