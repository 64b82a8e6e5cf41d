#include "cpu/machine_kernels.h"

#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/machine_kernels.cpp"
#include <hwy/foreach_target.h>

#include "cpu/int8_dot-inl.h"
#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Independent chains: enough to cover the latency of 4 on two ports, few enough for registers.
inline constexpr int kChains = EDDY_PLAIN || HWY_TARGET == HWY_AVX2 ? 6 : 12;

// The compiler must take it that these bytes are read and written here.
HWY_INLINE void hide(void* bytes) { asm volatile("" : : "r"(bytes) : "memory"); }

// Makes the compiler believe that every lane is needed.
HWY_INLINE void use(V16 value) {
  float lanes[16];
  store(value, lanes);
  hide(lanes);
}

void read_all(const float* data, std::int64_t n) {
  V16 sums[4] = {zeros(), zeros(), zeros(), zeros()};
  for (std::int64_t i = 0; i + 64 <= n; i += 64) {
    for (int j = 0; j < 4; ++j) sums[j] = add(sums[j], load(data + i + 16 * j));
  }
  for (const V16& sum : sums) use(sum);
}

double float_chain(std::int64_t n_steps) {
  V16 sums[kChains];
  for (V16& sum : sums) sum = zeros();
  const V16 a = broadcast(1.5f), b = broadcast(0.5f);
  for (std::int64_t i = 0; i < n_steps; ++i) {
    for (V16& sum : sums) sum = fma(sum, b, a);
  }
  for (const V16& sum : sums) use(sum);
  return static_cast<double>(n_steps) * kChains * 16;
}

namespace by_signed {
using Products = SignedProducts;
#include "cpu/int8_chain-inl.h"
}  // namespace by_signed

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if EDDY_HAS_DOT
HWY_PUSH_ATTRIBUTES(EDDY_DOT_ATTRIBUTES)
namespace eddy {
namespace HWY_NAMESPACE {
namespace by_dot {
using Products = DotProducts;
#include "cpu/int8_chain-inl.h"
}  // namespace by_dot
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif

#if HWY_ONCE
namespace eddy {
const PerIsa<void(const float*, std::int64_t)> kReadAll = EDDY_PER_ISA(read_all);
const PerIsa<double(std::int64_t)> kFloatChain = EDDY_PER_ISA(float_chain);
const PerIsa<double(std::int64_t)> kInt8Chain = EDDY_PER_ISA_AND_DOT(int8_chain);
}  // namespace eddy
#endif
