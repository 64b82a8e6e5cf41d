// Sixteen lanes: V16 of floats, I16 of 32-bit integers, the same on every instruction set.
//
// A V16 is kParts registers of the machine (1 of AVX-512, 2 of AVX2, 4 of NEON) or, in the plain
// set, sixteen floats. Every operation is exact or rounds once, to nearest even, so the bits agree
// everywhere. The modes "flush to zero" and "denormals are zero" must be off, as they are in a new
// thread. Which NaN comes out of a NaN is the machine's choice; that one comes out is not.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_LANES_INL_H_
#undef EDDY_CPU_LANES_INL_H_
#else
#define EDDY_CPU_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#undef EDDY_PLAIN
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
#define EDDY_PLAIN 1
#include "cpu/parts_plain-inl.h"
#else
#define EDDY_PLAIN 0
#include "cpu/parts_vector-inl.h"
#endif

// How operations on sixteen lanes are compiled: EDDY_CALL those of hundreds of instructions in the
// plain set, where a call costs little and inlining costs the compiler much; EDDY_LANES the others.
// Between quick kernels all are calls.
#undef EDDY_LANES
#undef EDDY_CALL
#ifdef EDDY_QUICK_KERNELS
#define EDDY_LANES inline HWY_NOINLINE
#else
#define EDDY_LANES HWY_INLINE
#endif
#if EDDY_PLAIN
#define EDDY_CALL inline HWY_NOINLINE
#else
#define EDDY_CALL EDDY_LANES
#endif

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

inline constexpr std::int64_t kLanes = 16;
inline constexpr std::size_t kParts = 16 / part::kSize;

struct V16 {
  part::F p[kParts];
};
struct I16 {
  part::I p[kParts];
};

// out.p[i] = expression of i, for all parts.
#define EDDY_EACH_PART(type, expression)                          \
  type out;                                                       \
  for (std::size_t i = 0; i < kParts; ++i) out.p[i] = expression; \
  return out

EDDY_LANES V16 broadcast(float x) { EDDY_EACH_PART(V16, part::broadcast(x)); }
EDDY_LANES V16 zeros() { return broadcast(0.0f); }
EDDY_LANES V16 load(const float* p) { EDDY_EACH_PART(V16, part::load(p + i * part::kSize)); }
EDDY_LANES void store(V16 v, float* p) {
  for (std::size_t i = 0; i < kParts; ++i) part::store(v.p[i], p + i * part::kSize);
}

// The first n lanes, 0 <= n <= 16, and zeros behind them.
EDDY_LANES V16 load_first(const float* p, std::int64_t n) {
  if (HWY_LIKELY(n == kLanes)) return load(p);
  float all[16] = {};
  std::memcpy(all, p, static_cast<std::size_t>(n) * sizeof(float));
  return load(all);
}
EDDY_LANES void store_first(V16 v, float* p, std::int64_t n) {
  if (HWY_LIKELY(n == kLanes)) return store(v, p);
  float all[16];
  store(v, all);
  std::memcpy(p, all, static_cast<std::size_t>(n) * sizeof(float));
}

// v with zeros behind the first n lanes.
EDDY_LANES V16 first_lanes(V16 v, std::int64_t n) {
  if (HWY_LIKELY(n == kLanes)) return v;
  float all[16];
  store(v, all);
  return load_first(all, n);
}

EDDY_LANES V16 add(V16 a, V16 b) { EDDY_EACH_PART(V16, part::add(a.p[i], b.p[i])); }
EDDY_LANES V16 sub(V16 a, V16 b) { EDDY_EACH_PART(V16, part::sub(a.p[i], b.p[i])); }
EDDY_LANES V16 mul(V16 a, V16 b) { EDDY_EACH_PART(V16, part::mul(a.p[i], b.p[i])); }
EDDY_LANES V16 div(V16 a, V16 b) { EDDY_EACH_PART(V16, part::div(a.p[i], b.p[i])); }
EDDY_LANES V16 sqrt(V16 v) { EDDY_EACH_PART(V16, part::sqrt(v.p[i])); }

// a b + c, rounded once.
EDDY_LANES V16 fma(V16 a, V16 b, V16 c) { EDDY_EACH_PART(V16, part::fma(a.p[i], b.p[i], c.p[i])); }

// a > b ? yes : no; a NaN is greater than nothing.
EDDY_LANES V16 if_greater(V16 a, V16 b, V16 yes, V16 no) {
  EDDY_EACH_PART(V16, part::if_greater(a.p[i], b.p[i], yes.p[i], no.p[i]));
}
// x, but no less than low, or no more than high: low > x ? low : x. A NaN stays.
EDDY_LANES V16 at_least(V16 low, V16 x) { EDDY_EACH_PART(V16, part::at_least(low.p[i], x.p[i])); }
EDDY_LANES V16 at_most(V16 high, V16 x) { EDDY_EACH_PART(V16, part::at_most(high.p[i], x.p[i])); }

EDDY_LANES I16 bits(V16 v) { EDDY_EACH_PART(I16, part::bits(v.p[i])); }
EDDY_LANES V16 from_bits(I16 v) { EDDY_EACH_PART(V16, part::from_bits(v.p[i])); }
EDDY_LANES I16 broadcast_int(std::int32_t x) { EDDY_EACH_PART(I16, part::broadcast_int(x)); }
EDDY_LANES I16 load_int(const std::int32_t* p) {
  EDDY_EACH_PART(I16, part::load_int(p + i * part::kSize));
}
EDDY_LANES void store_int(I16 v, std::int32_t* p) {
  for (std::size_t i = 0; i < kParts; ++i) part::store_int(v.p[i], p + i * part::kSize);
}
// The low bits of each lane, whose value fits into so many.
EDDY_LANES void store_int8(I16 v, std::int8_t* p) {
  for (std::size_t i = 0; i < kParts; ++i) part::store_int8(v.p[i], p + i * part::kSize);
}
EDDY_LANES void store_int16(I16 v, std::int16_t* p) {
  for (std::size_t i = 0; i < kParts; ++i) part::store_int16(v.p[i], p + i * part::kSize);
}
EDDY_LANES I16 add_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::add_int(a.p[i], b.p[i])); }
EDDY_LANES I16 sub_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::sub_int(a.p[i], b.p[i])); }
EDDY_LANES I16 mul_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::mul_int(a.p[i], b.p[i])); }
EDDY_LANES I16 and_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::and_int(a.p[i], b.p[i])); }
EDDY_LANES I16 or_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::or_int(a.p[i], b.p[i])); }
EDDY_LANES I16 xor_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::xor_int(a.p[i], b.p[i])); }
EDDY_LANES I16 max_int(I16 a, I16 b) { EDDY_EACH_PART(I16, part::max_int(a.p[i], b.p[i])); }
// Zeros come in; 0 <= n < 32.
EDDY_LANES I16 shift_left(I16 v, int n) { EDDY_EACH_PART(I16, part::shift_left(v.p[i], n)); }
EDDY_LANES I16 shift_right(I16 v, int n) { EDDY_EACH_PART(I16, part::shift_right(v.p[i], n)); }
// table[byte] for each byte, which is below 16.
EDDY_LANES I16 look_up(const std::int8_t (&table)[16], I16 indices) {
  EDDY_EACH_PART(I16, part::look_up(table, indices.p[i]));
}
// Of each four lanes the second and the third trade places.
EDDY_LANES I16 swap_middle(I16 v) {
#if EDDY_PLAIN
  for (std::size_t i = 0; i < kParts; i += 4) std::swap(v.p[i + 1], v.p[i + 2]);
  return v;
#else
  EDDY_EACH_PART(I16, part::swap_middle(v.p[i]));
#endif
}
EDDY_LANES V16 to_float(I16 v) { EDDY_EACH_PART(V16, part::to_float(v.p[i])); }
EDDY_LANES V16 abs(V16 v) { return from_bits(and_int(bits(v), broadcast_int(0x7fffffff))); }

// v 2^n for whole n in [-151, 129], rounded once; n also as the integer `n_int`.
EDDY_CALL V16 scale_by_power(V16 v, V16 n, I16 n_int) {
  EDDY_EACH_PART(V16, part::scale_by_power(v.p[i], n.p[i], n_int.p[i]));
}

// Sixteen halves or bfloat16s to floats and back, rounded to nearest even; NaN stays NaN.
EDDY_CALL V16 load_f16(const std::uint16_t* p) {
  EDDY_EACH_PART(V16, part::load_f16(p + i * part::kSize));
}
EDDY_CALL void store_f16(V16 v, std::uint16_t* p) {
  for (std::size_t i = 0; i < kParts; ++i) part::store_f16(v.p[i], p + i * part::kSize);
}
EDDY_CALL V16 rounded_to_f16(V16 v) { EDDY_EACH_PART(V16, part::rounded_to_f16(v.p[i])); }
EDDY_CALL V16 load_bf16(const std::uint16_t* p) {
  EDDY_EACH_PART(V16, part::load_bf16(p + i * part::kSize));
}
EDDY_CALL void store_bf16(V16 v, std::uint16_t* p) {
  for (std::size_t i = 0; i < kParts; ++i) part::store_bf16(v.p[i], p + i * part::kSize);
}

// The half in the low or high sixteen bits of each lane.
EDDY_CALL V16 low_half(I16 v) {
  EDDY_EACH_PART(V16, part::half_to_float(part::and_int(v.p[i], part::broadcast_int(0xffff))));
}
EDDY_CALL V16 high_half(I16 v) {
  EDDY_EACH_PART(V16, part::half_to_float(part::shift_right(v.p[i], 16)));
}
#undef EDDY_EACH_PART

// The sum of all lanes by the tree 8, 4, 2, 1: lane i + lane i + 8, then + 4, + 2, + 1.
EDDY_LANES part::F sum_parts(V16 v) {
  for (std::size_t half = kParts / 2; half >= 1; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) v.p[i] = part::add(v.p[i], v.p[i + half]);
  }
  return v.p[0];
}
EDDY_LANES float sum_lanes(V16 v) { return part::sum(sum_parts(v)); }

// The same for four at once.
EDDY_LANES void sum_lanes_of_four(V16 a, V16 b, V16 c, V16 d, float* sums) {
  part::sums_of_four(sum_parts(a), sum_parts(b), sum_parts(c), sum_parts(d), sums);
}

// The sum of the lanes of each vector.
template <int kN>
HWY_INLINE void sum_each(const V16 (&v)[kN], float (&totals)[kN]) {
  int i = 0;
  for (; i + 4 <= kN; i += 4) sum_lanes_of_four(v[i], v[i + 1], v[i + 2], v[i + 3], totals + i);
  for (; i < kN; ++i) totals[i] = sum_lanes(v[i]);
}

// The largest lane; any of them where one is NaN.
EDDY_LANES float max_lane(V16 v) {
  float all[16];
  store(v, all);
  for (int half = 8; half >= 1; half /= 2) {
    for (int i = 0; i < half; ++i) all[i] = all[i] > all[i + half] ? all[i] : all[i + half];
  }
  return all[0];
}

// The largest lane; the sum of all; and whether a lane of a is greater than that of b, where none
// is negative.
EDDY_LANES std::int32_t max_lane(I16 v) {
  for (std::size_t half = kParts / 2; half >= 1; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) v.p[i] = part::max_int(v.p[i], v.p[i + half]);
  }
  return part::max_of(v.p[0]);
}
EDDY_LANES std::int32_t sum_lanes(I16 v) {
  for (std::size_t half = kParts / 2; half >= 1; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) v.p[i] = part::add_int(v.p[i], v.p[i + half]);
  }
  return part::sum(v.p[0]);
}
EDDY_LANES bool any_greater(I16 a, I16 b) {
  part::I negative = part::sub_int(b.p[0], a.p[0]);
  for (std::size_t i = 1; i < kParts; ++i) {
    negative = part::or_int(negative, part::sub_int(b.p[i], a.p[i]));
  }
  return part::any_negative(negative);
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
