// The part of a V16 in the plain set: one float. Included by lanes-inl.h, once.
#include <bit>
#include <cmath>

#include "base/half.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {
namespace part {

using F = float;
using I = std::int32_t;
inline constexpr std::size_t kSize = 1;

HWY_INLINE F broadcast(float x) { return x; }
HWY_INLINE F load(const float* p) { return *p; }
HWY_INLINE void store(F v, float* p) { *p = v; }
HWY_INLINE F add(F a, F b) { return a + b; }
HWY_INLINE F sub(F a, F b) { return a - b; }
HWY_INLINE F mul(F a, F b) { return a * b; }
HWY_INLINE F div(F a, F b) { return a / b; }
HWY_INLINE F sqrt(F v) { return std::sqrt(v); }
HWY_INLINE F fma(F a, F b, F c) { return std::fma(a, b, c); }
HWY_INLINE F if_greater(F a, F b, F yes, F no) { return a > b ? yes : no; }
HWY_INLINE F at_least(F low, F x) { return low > x ? low : x; }
HWY_INLINE F at_most(F high, F x) { return x > high ? high : x; }

HWY_INLINE I bits(F v) { return std::bit_cast<I>(v); }
HWY_INLINE F from_bits(I v) { return std::bit_cast<F>(v); }
HWY_INLINE I broadcast_int(std::int32_t x) { return x; }
HWY_INLINE I load_int(const std::int32_t* p) { return *p; }
HWY_INLINE void store_int(I v, std::int32_t* p) { *p = v; }
HWY_INLINE I wrapped(std::uint32_t v) { return static_cast<I>(v); }
HWY_INLINE std::uint32_t raw(I v) { return static_cast<std::uint32_t>(v); }
HWY_INLINE void store_int8(I v, std::int8_t* p) { *p = static_cast<std::int8_t>(v); }
HWY_INLINE void store_int16(I v, std::int16_t* p) { *p = static_cast<std::int16_t>(v); }
HWY_INLINE I add_int(I a, I b) { return wrapped(raw(a) + raw(b)); }
HWY_INLINE I sub_int(I a, I b) { return wrapped(raw(a) - raw(b)); }
HWY_INLINE I mul_int(I a, I b) { return wrapped(raw(a) * raw(b)); }
HWY_INLINE I and_int(I a, I b) { return a & b; }
HWY_INLINE I or_int(I a, I b) { return a | b; }
HWY_INLINE I xor_int(I a, I b) { return a ^ b; }
HWY_INLINE I shift_left(I v, int n) { return wrapped(raw(v) << n); }
HWY_INLINE I shift_right(I v, int n) { return wrapped(raw(v) >> n); }
HWY_INLINE I max_int(I a, I b) { return a > b ? a : b; }
HWY_INLINE std::int32_t max_of(I v) { return v; }
HWY_INLINE std::int32_t sum(I v) { return v; }
HWY_INLINE bool any_negative(I v) { return v < 0; }
HWY_INLINE I look_up(const std::int8_t (&table)[16], I indices) {
  std::uint32_t out = 0;
  for (int j = 0; j < 4; ++j) {
    out |= std::uint32_t{static_cast<std::uint8_t>(table[raw(indices) >> 8 * j & 15])} << 8 * j;
  }
  return wrapped(out);
}
HWY_INLINE F to_float(I v) { return static_cast<F>(v); }

// Two steps, the first of which is exact.
HWY_INLINE F power_of_two(I n) { return from_bits(wrapped(raw(n + 127) << 23)); }
HWY_INLINE F scale_by_power(F v, F, I n) {
  if (n < -160 || n > 160) return v + v;  // not in range: v is NaN
  const I half = n >> 1;
  return v * power_of_two(half) * power_of_two(n - half);
}

HWY_INLINE F half_to_float(I v) { return f16_to_f32(static_cast<std::uint16_t>(v)); }
HWY_INLINE F load_f16(const std::uint16_t* p) { return f16_to_f32(*p); }
HWY_INLINE void store_f16(F v, std::uint16_t* p) { *p = f32_to_f16(v); }
HWY_INLINE F rounded_to_f16(F v) { return f16_to_f32(f32_to_f16(v)); }
HWY_INLINE F load_bf16(const std::uint16_t* p) { return bf16_to_f32(*p); }
HWY_INLINE void store_bf16(F v, std::uint16_t* p) { *p = f32_to_bf16(v); }

HWY_INLINE F sum(F v) { return v; }
HWY_INLINE void sums_of_four(F a, F b, F c, F d, float* sums) {
  const F all[4] = {a, b, c, d};
  for (int i = 0; i < 4; ++i) sums[i] = all[i];
}

}  // namespace part
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();
