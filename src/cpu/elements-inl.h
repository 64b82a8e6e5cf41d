// Element types of weights and of state as classes: sixteen elements to a V16 and back.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_ELEMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_ELEMENTS_INL_H_
#undef EDDY_CPU_ELEMENTS_INL_H_
#else
#define EDDY_CPU_ELEMENTS_INL_H_
#endif

#include <cstddef>
#include <limits>

#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Element: the stored type. Pointers are to stored elements; they need no alignment beyond it.
// kDroppedBits: of a float's mantissa, that the type does not have.
struct F32 {
  using Element = float;
  static EDDY_LANES V16 load16(const Element* p) { return load(p); }
  static EDDY_LANES void store16(V16 v, Element* p) { store(v, p); }
};
struct F16 {
  using Element = std::uint16_t;
  static constexpr int kDroppedBits = 13;
  static EDDY_LANES V16 load16(const Element* p) { return load_f16(p); }
  static EDDY_LANES void store16(V16 v, Element* p) { store_f16(v, p); }
};
struct BF16 {
  using Element = std::uint16_t;
  static constexpr int kDroppedBits = 16;
  static EDDY_LANES V16 load16(const Element* p) { return load_bf16(p); }
  static EDDY_LANES void store16(V16 v, Element* p) { store_bf16(v, p); }
};

// The first n elements, 0 <= n <= 16, and zeros behind them.
template <class Type>
EDDY_LANES V16 load_first_of(const typename Type::Element* p, std::int64_t n) {
  if (HWY_LIKELY(n == kLanes)) return Type::load16(p);
  typename Type::Element all[16] = {};
  std::memcpy(all, p, static_cast<std::size_t>(n) * sizeof *p);
  return Type::load16(all);
}
template <class Type>
EDDY_LANES void store_first_of(V16 v, typename Type::Element* p, std::int64_t n) {
  if (HWY_LIKELY(n == kLanes)) return Type::store16(v, p);
  typename Type::Element all[16];
  Type::store16(v, all);
  std::memcpy(p, all, static_cast<std::size_t>(n) * sizeof *p);
}

// v as it comes back from a store; of NaN another one may.
template <class Type>
EDDY_LANES V16 rounded_to(V16 v) {
  return v;
}
template <>
EDDY_LANES V16 rounded_to<F16>(V16 v) {
  return rounded_to_f16(v);
}
template <>
EDDY_LANES V16 rounded_to<BF16>(V16 v) {
  const I16 odd = and_int(shift_right(bits(v), 16), broadcast_int(1));
  const I16 sum = add_int(add_int(bits(v), broadcast_int(0x7fff)), odd);
  const V16 infinity = broadcast(std::numeric_limits<float>::infinity());
  return if_greater(infinity, abs(v), from_bits(and_int(sum, broadcast_int(-1 << 16))), v);
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
