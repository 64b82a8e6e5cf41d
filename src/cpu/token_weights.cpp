#include "cpu/token_weights.h"

#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/token_weights.cpp"
#include <hwy/foreach_target.h>

#include "cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

void token_weights(const TokenWeightsArgs& args) {
  const V16 best = broadcast(args.best), temperature = broadcast(args.temperature);
  for (std::int64_t first = 0; first < args.n; first += kWeightBlock) {
    const std::int64_t last = first + kWeightBlock < args.n ? first + kWeightBlock : args.n;
    V16 sum = zeros();
    for (std::int64_t i = first; i < last; i += kLanes) {
      const std::int64_t count = last - i < kLanes ? last - i : kLanes;
      const V16 weight = exp(div(sub(load_first(args.logits + i, count), best), temperature));
      store_first(weight, args.weights + i, count);
      sum = add(sum, first_lanes(weight, count));
    }
    args.sums[first / kWeightBlock] = sum_lanes(sum);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const PerIsa<void(const TokenWeightsArgs&)> kTokenWeights = EDDY_PER_ISA(token_weights);
}  // namespace eddy
#endif
