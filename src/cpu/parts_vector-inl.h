// The part of a V16 on a machine with vectors: one register. Included by lanes-inl.h, once for each
// target.

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {
namespace part {

namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using DU = hn::RebindToUnsigned<DF>;
using DF16 = hn::Rebind<hwy::float16_t, DF>;
using DU16 = hn::Rebind<std::uint16_t, DF>;
using F = hn::Vec<DF>;
using I = hn::Vec<DI>;
inline constexpr std::size_t kSize = HWY_LANES(float);

HWY_INLINE F broadcast(float x) { return hn::Set(DF(), x); }
HWY_INLINE F load(const float* p) { return hn::LoadU(DF(), p); }
HWY_INLINE void store(F v, float* p) { hn::StoreU(v, DF(), p); }
HWY_INLINE F add(F a, F b) { return hn::Add(a, b); }
HWY_INLINE F sub(F a, F b) { return hn::Sub(a, b); }
HWY_INLINE F mul(F a, F b) { return hn::Mul(a, b); }
HWY_INLINE F div(F a, F b) { return hn::Div(a, b); }
HWY_INLINE F sqrt(F v) { return hn::Sqrt(v); }
HWY_INLINE F fma(F a, F b, F c) { return hn::MulAdd(a, b, c); }
HWY_INLINE F if_greater(F a, F b, F yes, F no) { return hn::IfThenElse(hn::Gt(a, b), yes, no); }

#if HWY_TARGET == HWY_NEON
HWY_INLINE F at_least(F low, F x) { return if_greater(low, x, low, x); }
HWY_INLINE F at_most(F high, F x) { return if_greater(x, high, high, x); }
#else  // the machine's max and min give the second operand where neither is greater
HWY_INLINE F at_least(F low, F x) { return hn::Max(low, x); }
HWY_INLINE F at_most(F high, F x) { return hn::Min(high, x); }
#endif

HWY_INLINE I bits(F v) { return hn::BitCast(DI(), v); }
HWY_INLINE F from_bits(I v) { return hn::BitCast(DF(), v); }
HWY_INLINE I broadcast_int(std::int32_t x) { return hn::Set(DI(), x); }
HWY_INLINE I load_int(const std::int32_t* p) { return hn::LoadU(DI(), p); }
HWY_INLINE void store_int(I v, std::int32_t* p) { hn::StoreU(v, DI(), p); }
HWY_INLINE void store_int8(I v, std::int8_t* p) {
  const hn::Rebind<std::int8_t, DI> d8;
  hn::StoreU(hn::DemoteTo(d8, v), d8, p);
}
HWY_INLINE void store_int16(I v, std::int16_t* p) {
  const hn::Rebind<std::int16_t, DI> d16;
  hn::StoreU(hn::DemoteTo(d16, v), d16, p);
}
HWY_INLINE I add_int(I a, I b) { return hn::Add(a, b); }
HWY_INLINE I sub_int(I a, I b) { return hn::Sub(a, b); }
HWY_INLINE I mul_int(I a, I b) { return hn::Mul(a, b); }
HWY_INLINE I and_int(I a, I b) { return hn::And(a, b); }
HWY_INLINE I or_int(I a, I b) { return hn::Or(a, b); }
HWY_INLINE I xor_int(I a, I b) { return hn::Xor(a, b); }
HWY_INLINE I shift_left(I v, int n) { return hn::ShiftLeftSame(v, n); }
HWY_INLINE I shift_right(I v, int n) {
  return hn::BitCast(DI(), hn::ShiftRightSame(hn::BitCast(DU(), v), n));
}
HWY_INLINE I max_int(I a, I b) { return hn::Max(a, b); }
HWY_INLINE std::int32_t max_of(I v) { return hn::GetLane(hn::MaxOfLanes(DI(), v)); }
HWY_INLINE std::int32_t sum(I v) { return hn::GetLane(hn::SumOfLanes(DI(), v)); }
HWY_INLINE bool any_negative(I v) {
  return !hn::AllFalse(DI(), hn::MaskFromVec(hn::BroadcastSignBit(v)));
}
HWY_INLINE I look_up(const std::int8_t (&table)[16], I indices) {
  const hn::Repartition<std::int8_t, DI> d8;
  const auto values = hn::LoadDup128(d8, table);
  return hn::BitCast(DI(), hn::TableLookupBytes(values, hn::BitCast(d8, indices)));
}
// Of each four lanes the second and the third trade places.
HWY_INLINE I swap_middle(I v) {
  alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 1, 2, 3, 8,  9,  10, 11,
                                                          4, 5, 6, 7, 12, 13, 14, 15};
  const hn::Repartition<std::uint8_t, DI> d8;
  return hn::BitCast(DI(), hn::TableLookupBytes(hn::BitCast(d8, v), hn::LoadDup128(d8, kOrder)));
}
HWY_INLINE F to_float(I v) { return hn::ConvertTo(DF(), v); }

#if HWY_TARGET == HWY_AVX3
HWY_INLINE F scale_by_power(F v, F n, I) { return F{_mm512_scalef_ps(v.raw, n.raw)}; }
#else
// Two steps, the first of which is exact.
HWY_INLINE F power_of_two(I n) {
  return from_bits(hn::ShiftLeft<23>(hn::Add(n, hn::Set(DI(), 127))));
}
HWY_INLINE F scale_by_power(F v, F, I n) {
  const I half = hn::ShiftRight<1>(n);
  return hn::Mul(hn::Mul(v, power_of_two(half)), power_of_two(hn::Sub(n, half)));
}
#endif

// Of a half in the low bits, with zeros above.
HWY_INLINE F half_to_float(I v) {
  return hn::PromoteTo(DF(), hn::BitCast(DF16(), hn::DemoteTo(DU16(), v)));
}
HWY_INLINE F load_f16(const std::uint16_t* p) {
  return hn::PromoteTo(DF(), hn::BitCast(DF16(), hn::LoadU(DU16(), p)));
}
HWY_INLINE void store_f16(F v, std::uint16_t* p) {
  hn::StoreU(hn::BitCast(DU16(), hn::DemoteTo(DF16(), v)), DU16(), p);
}
HWY_INLINE F rounded_to_f16(F v) { return hn::PromoteTo(DF(), hn::DemoteTo(DF16(), v)); }
HWY_INLINE F load_bf16(const std::uint16_t* p) {
  const auto wide = hn::PromoteTo(DU(), hn::LoadU(DU16(), p));
  return hn::BitCast(DF(), hn::ShiftLeft<16>(wide));
}
HWY_INLINE void store_bf16(F v, std::uint16_t* p) {
  const DU du;
  const auto b = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(b), hn::Set(du, 1));
  const auto rounded = hn::Add(b, hn::Add(hn::Set(du, 0x7fff), odd));
  const auto quiet = hn::Or(b, hn::Set(du, 0x400000));
  const auto is_number = hn::RebindMask(du, hn::Eq(v, v));
  const auto half = hn::ShiftRight<16>(hn::IfThenElse(is_number, rounded, quiet));
  hn::StoreU(hn::DemoteTo(DU16(), hn::BitCast(DI(), half)), DU16(), p);
}

// Lane i + lane i + 8 and then + 4, as far as there are so many.
using Quad = hn::Vec<hn::CappedTag<float, 4>>;
HWY_INLINE Quad sum_to_four(F v) {
#if HWY_TARGET == HWY_NEON
  return v;
#else
  const hn::Half<DF> dh;
  const auto half = hn::Add(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v));
#if HWY_TARGET == HWY_AVX2
  return half;
#else
  const hn::Half<hn::Half<DF>> dq;
  return hn::Add(hn::LowerHalf(dq, half), hn::UpperHalf(dq, half));
#endif
#endif
}

// The sums of four parts by the same tree: + 2 and + 1 for all of them together.
HWY_INLINE void sums_of_four(F a, F b, F c, F d, float* sums) {
  const hn::CappedTag<float, 4> q;
  const auto pairs = [&](Quad x, Quad y) HWY_ATTR {
    return hn::Add(hn::ConcatLowerLower(q, y, x), hn::ConcatUpperUpper(q, y, x));
  };
  const Quad ab = pairs(sum_to_four(a), sum_to_four(b));
  const Quad cd = pairs(sum_to_four(c), sum_to_four(d));
  hn::StoreU(hn::Add(hn::ConcatEven(q, cd, ab), hn::ConcatOdd(q, cd, ab)), q, sums);
}

HWY_INLINE float sum(F v) {
  Quad quad = sum_to_four(v);
  quad = hn::Add(quad, hn::Shuffle1032(quad));
  return hn::GetLane(hn::Add(quad, hn::Shuffle2301(quad)));
}

}  // namespace part
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();
