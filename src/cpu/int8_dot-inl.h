// Products of int8 words on sixteen lanes: four products and their sum in each lane, exact in
// int32.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_INT8_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_INT8_DOT_INL_H_
#undef EDDY_CPU_INT8_DOT_INL_H_
#else
#define EDDY_CPU_INT8_DOT_INL_H_
#endif

#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {
namespace part {

// sum + the four products w[j] x[j] of each lane. x is at least -127, so that the sums of two
// products fit in 16 bits.
HWY_INLINE I dot(I sum, I w, I x) {
#if HWY_TARGET == HWY_AVX3
  const __m512i zero = _mm512_setzero_si512();
  const __mmask64 is_negative = _mm512_movepi8_mask(w.raw);
  const __m512i signed_x = _mm512_mask_sub_epi8(x.raw, is_negative, zero, x.raw);
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(w.raw), signed_x);
  return I{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
#elif HWY_TARGET == HWY_AVX2
  const __m256i signed_x = _mm256_sign_epi8(x.raw, w.raw);
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w.raw), signed_x);
  return I{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))};
#elif HWY_TARGET == HWY_NEON
  const int8x16_t a = vreinterpretq_s8_s32(w.raw), b = vreinterpretq_s8_s32(x.raw);
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  const int16x8_t high = vmull_s8(vget_high_s8(a), vget_high_s8(b));
  return I{vaddq_s32(sum.raw, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)))};
#else
  for (int j = 0; j < 4; ++j) {
    sum += static_cast<std::int8_t>(w >> 8 * j) * static_cast<std::int8_t>(x >> 8 * j);
  }
  return sum;
#endif
}

}  // namespace part

// How an instruction set multiplies. Products::prepared(w) once for each word of weights, then
// Products::start for a sum with a block of x, and Products::dot for each word.
struct SignedProducts {
  static HWY_INLINE I16 prepared(I16 w) { return w; }
  static HWY_INLINE I16 start(std::int32_t) { return broadcast_int(0); }
  static HWY_INLINE I16 dot(I16 sum, I16 w, I16 x) {
    for (std::size_t i = 0; i < kParts; ++i) sum.p[i] = part::dot(sum.p[i], w.p[i], x.p[i]);
    return sum;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

// AVX512-VNNI multiplies unsigned by signed bytes: it takes w + 128 and starts from -128 sum x.
#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace eddy {
namespace HWY_NAMESPACE {

struct VnniProducts {
  static HWY_INLINE I16 prepared(I16 w) {
    return {{part::hn::Xor(w.p[0], part::hn::Set(part::DI(), static_cast<int>(0x80808080)))}};
  }
  static HWY_INLINE I16 start(std::int32_t minus_128_sum) { return broadcast_int(minus_128_sum); }
  static HWY_INLINE I16 dot(I16 sum, I16 w, I16 x) {
    return {{part::I{_mm512_dpbusd_epi32(sum.p[0].raw, w.p[0].raw, x.p[0].raw)}}};
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif

#endif  // per target
