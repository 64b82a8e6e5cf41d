// Rounding by chance: to one of the two neighbours that the type has, to the nearer one more
// often, so that on average a number stays what it is. A state of sixteen bits that changes by
// less than half of its last bit at each token would else not change at all.
//
// Chance is a hash of seed, position and element, the same wherever it is computed. The bits that
// the type drops are compared with as many of the hash; of a half below 2^-14 twelve bits decide.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_CHANCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_CHANCE_INL_H_
#undef EDDY_CPU_CHANCE_INL_H_
#else
#define EDDY_CPU_CHANCE_INL_H_
#endif

#include <limits>
#include <type_traits>

#include "cpu/elements-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// The hash of a number to 32 bits by Wellons ("lowbias32", 2018).
inline std::uint32_t hash_of(std::uint32_t x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}

// kBits bits for elements first .. first + 15 of a row: the high ones of such a hash without its
// ends, for hash_of(seed and position) is one already.
template <int kBits>
HWY_INLINE I16 chance_of(std::uint32_t hash, std::uint32_t first) {
  alignas(64) static constexpr std::int32_t kIota[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                         8, 9, 10, 11, 12, 13, 14, 15};
  I16 x = add_int(load_int(kIota), broadcast_int(static_cast<std::int32_t>(hash + first)));
  x = mul_int(x, broadcast_int(0x7feb352d));
  x = xor_int(x, shift_right(x, 15));
  x = mul_int(x, broadcast_int(static_cast<std::int32_t>(0x846ca68bu)));
  return shift_right(x, 32 - kBits);
}

// The last kDropped bits of v go, and carry the more often the more they are.
template <int kDropped>
HWY_INLINE V16 drop_bits(V16 v, I16 chance) {
  return from_bits(and_int(add_int(bits(v), chance), broadcast_int(-1 << kDropped)));
}

// v, whose size is below 2^-14, as a multiple of 2^-24.
HWY_INLINE V16 to_subnormal_half(V16 v, V16 size, I16 chance) {
  const V16 to_nearest = broadcast(0x1.8p23f);
  // Odd multiples of 2^-13 in (-1/2, 1/2): what is whole stays.
  const V16 off =
      fma(to_float(shift_right(chance, 1)), broadcast(0x1p-12f), broadcast(0x1p-13f - 0.5f));
  const V16 whole = sub(add(fma(size, broadcast(0x1p24f), off), to_nearest), to_nearest);
  const I16 sign = sub_int(bits(v), bits(size));
  return from_bits(or_int(bits(mul(whole, broadcast(0x1p-24f))), sign));
}

// A number of the type; or infinity, beyond what it has; what is none stays.
template <class Type>
EDDY_CALL V16 rounded_by_chance(V16 v, std::uint32_t hash, std::uint32_t first) {
  const I16 chance = chance_of<Type::kDroppedBits>(hash, first);
  const V16 size = abs(v), infinity = broadcast(std::numeric_limits<float>::infinity());
  V16 rounded = drop_bits<Type::kDroppedBits>(v, chance);
  if constexpr (std::is_same_v<Type, F16>) {
    rounded = if_greater(broadcast(0x1p-14f), size, to_subnormal_half(v, size, chance), rounded);
    const V16 beyond = mul(rounded, broadcast(0x1p127f));
    rounded = if_greater(abs(rounded), broadcast(65504.0f), beyond, rounded);
  }
  return if_greater(infinity, size, rounded, v);
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
