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

// Words of unsigned bytes that are small: pairs of products in sixteen bits, of which several can
// be added before they are widened.
#define EDDY_HAS_PAIRS (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2)
#if HWY_TARGET == HWY_AVX3
HWY_INLINE I pairs(I w, I x) { return I{_mm512_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE I add_pairs(I a, I b) { return I{_mm512_add_epi16(a.raw, b.raw)}; }
HWY_INLINE I add_widened(I sum, I pairs) {
  return I{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(pairs.raw, _mm512_set1_epi16(1)))};
}
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE I pairs(I w, I x) { return I{_mm256_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE I add_pairs(I a, I b) { return I{_mm256_add_epi16(a.raw, b.raw)}; }
HWY_INLINE I add_widened(I sum, I pairs) {
  return I{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(pairs.raw, _mm256_set1_epi16(1)))};
}
#endif

}  // namespace part

// Word number g of a block of x, for all rows.
HWY_INLINE I16 broadcast_word(const std::int8_t* x, int g) {
  std::int32_t word;
  std::memcpy(&word, x + 4 * g, sizeof word);
  return broadcast_int(word);
}

// How an instruction set multiplies kCount words of weights with as many of x. Where kMost is 0 the
// weights are signed, went through prepared() and count kSignedOffset more than they are; else they
// are unsigned and at most kMost.
struct SignedProducts {
  static constexpr int kSignedOffset = 0;
  static HWY_INLINE I16 prepared(I16 w) { return w; }

  template <int kMost, int kCount>
  static HWY_INLINE I16 dots(I16 sum, const I16* w, const std::int8_t* x) {
#if EDDY_HAS_PAIRS
    if constexpr (kMost > 0) {
      constexpr int kRoom = 32767 / (2 * 127 * kMost), kGroup = kRoom < kCount ? kRoom : kCount;
      for (int g = 0; g < kCount; g += kGroup) add_group<kGroup>(sum, w + g, x + 4 * g);
      return sum;
    }
#endif
    for (int g = 0; g < kCount; ++g) {
      const I16 word = broadcast_word(x, g);
      for (std::size_t i = 0; i < kParts; ++i) sum.p[i] = part::dot(sum.p[i], w[g].p[i], word.p[i]);
    }
    return sum;
  }

 private:
#if EDDY_HAS_PAIRS
  template <int kGroup>
  static HWY_INLINE void add_group(I16& sum, const I16* w, const std::int8_t* x) {
    for (std::size_t i = 0; i < kParts; ++i) {
      part::I pairs = part::pairs(w[0].p[i], broadcast_word(x, 0).p[i]);
      for (int g = 1; g < kGroup; ++g) {
        pairs = part::add_pairs(pairs, part::pairs(w[g].p[i], broadcast_word(x, g).p[i]));
      }
      sum.p[i] = part::add_widened(sum.p[i], pairs);
    }
  }
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

// AVX512-VNNI multiplies unsigned by signed bytes.
#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace eddy {
namespace HWY_NAMESPACE {

struct VnniProducts {
  static constexpr int kSignedOffset = 128;
  static HWY_INLINE I16 prepared(I16 w) {
    return {{part::hn::Xor(w.p[0], part::hn::Set(part::DI(), static_cast<int>(0x80808080)))}};
  }
  template <int kMost, int kCount>
  static HWY_INLINE I16 dots(I16 sum, const I16* w, const std::int8_t* x) {
    for (int g = 0; g < kCount; ++g) {
      const I16 word = broadcast_word(x, g);
      sum = {{part::I{_mm512_dpbusd_epi32(sum.p[0].raw, w[g].p[0].raw, word.p[0].raw)}}};
    }
    return sum;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif

#endif  // per target
