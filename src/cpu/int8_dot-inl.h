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
#include "cpu/quantised_x.h"

// Loops of so few rounds that all of them stand one after the other, but in quick kernels.
#undef EDDY_UNROLL
#if defined(EDDY_QUICK_KERNELS)
#define EDDY_UNROLL
#elif defined(__clang__)
#define EDDY_UNROLL _Pragma("unroll")
#else
#define EDDY_UNROLL _Pragma("GCC unroll 16")
#endif

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
// be added before they are widened. Words of signed bytes in sixteen bits: widen() gives the first
// and the third of each word, then the others.
#undef EDDY_HAS_PAIRS
#define EDDY_HAS_PAIRS (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2)
#if HWY_TARGET == HWY_AVX3
HWY_INLINE I pairs(I w, I x) { return I{_mm512_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE I add_pairs(I a, I b) { return I{_mm512_add_epi16(a.raw, b.raw)}; }
HWY_INLINE I add_dot_16(I sum, I a, I b) {
  return I{_mm512_add_epi32(sum.raw, _mm512_madd_epi16(a.raw, b.raw))};
}
HWY_INLINE I widened_odd(I w) { return I{_mm512_srai_epi16(w.raw, 8)}; }
HWY_INLINE I widened_even(I w) { return widened_odd(I{_mm512_slli_epi16(w.raw, 8)}); }
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE I pairs(I w, I x) { return I{_mm256_maddubs_epi16(w.raw, x.raw)}; }
HWY_INLINE I add_pairs(I a, I b) { return I{_mm256_add_epi16(a.raw, b.raw)}; }
HWY_INLINE I add_dot_16(I sum, I a, I b) {
  return I{_mm256_add_epi32(sum.raw, _mm256_madd_epi16(a.raw, b.raw))};
}
HWY_INLINE I widened_odd(I w) { return I{_mm256_srai_epi16(w.raw, 8)}; }
HWY_INLINE I widened_even(I w) { return widened_odd(I{_mm256_slli_epi16(w.raw, 8)}); }
#endif
#if EDDY_HAS_PAIRS
HWY_INLINE I add_widened(I sum, I pairs) { return add_dot_16(sum, pairs, broadcast_int(0x10001)); }

// Here v is to lie in a register. A compiler that adds in an order of its own, products first, runs
// out of them, and one that loads the same word for each product waits for the loads.
HWY_INLINE void in_register(I& v) { asm("" : "+v"(v.raw)); }
#endif

// The four bytes at p, in every lane.
HWY_INLINE I broadcast_word(const void* p) {
  std::int32_t word;
  std::memcpy(&word, p, sizeof word);
  return broadcast_int(word);
}

}  // namespace part

// Blocks of x that are multiplied together: as many as have their sums in registers.
inline constexpr int kTogether = 4;

// How an instruction set multiplies kCount words of weights, from number `first` on, with those of
// kTokens blocks of x: sums[t] += their products. Where kMost is 0 the weights are signed, went
// through prepared() and count kSignedOffset more than they are; else they are unsigned and at most
// kMost.
struct SignedProducts {
  static constexpr int kSignedOffset = 0;
  static constexpr bool kWidens = EDDY_HAS_PAIRS;
  static HWY_INLINE I16 prepared(I16 w) { return w; }

  template <int kMost, int kCount, int kTokens>
  static HWY_INLINE void dots(I16* sums, const I16* w, const QuantisedBlock* x, int first) {
#if EDDY_HAS_PAIRS
    if constexpr (kMost > 0) {
      constexpr int kRoom = 32767 / (2 * 127 * kMost), kGroup = kRoom < kCount ? kRoom : kCount;
      EDDY_UNROLL
      for (int g = 0; g < kCount; g += kGroup) {
        add_group<kGroup, kTokens>(sums, w, x, first + g);
      }
      return;
    }
#endif
    for (int t = 0; t < kTokens; ++t) {
      for (int g = 0; g < kCount; ++g) {
        const part::I word = part::broadcast_word(x[t].q + 4 * (first + g));
        for (std::size_t i = 0; i < kParts; ++i) {
          sums[t].p[i] = part::dot(sums[t].p[i], w[first + g].p[i], word);
        }
      }
    }
  }

 private:
#if EDDY_HAS_PAIRS
  template <int kGroup, int kTokens>
  static HWY_INLINE void add_group(I16* sums, const I16* w, const QuantisedBlock* x, int first) {
    I16 pairs[kTokens];
    EDDY_UNROLL
    for (int g = 0; g < kGroup; ++g) {
      I16 word_of_rows = w[first + g];
      for (part::I& p : word_of_rows.p) part::in_register(p);
      EDDY_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const part::I word = part::broadcast_word(x[t].q + 4 * (first + g));
        for (std::size_t i = 0; i < kParts; ++i) {
          const part::I products = part::pairs(word_of_rows.p[i], word);
          pairs[t].p[i] = g == 0 ? products : part::add_pairs(pairs[t].p[i], products);
          part::in_register(pairs[t].p[i]);
        }
      }
    }
    EDDY_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      for (std::size_t i = 0; i < kParts; ++i) {
        sums[t].p[i] = part::add_widened(sums[t].p[i], pairs[t].p[i]);
      }
    }
  }
#endif
};

#if EDDY_HAS_PAIRS
// Signed weights in sixteen bits: two words for each. Widening costs more than the products of two
// tokens, so it is for many.
struct WideProducts {
  template <int kCount>
  static HWY_INLINE void widen(const I16* words, I16* wide) {
    for (int g = 0; g < kCount; ++g) {
      for (std::size_t i = 0; i < kParts; ++i) {
        wide[2 * g].p[i] = part::widened_even(words[g].p[i]);
        wide[2 * g + 1].p[i] = part::widened_odd(words[g].p[i]);
      }
    }
  }

  template <int kMost, int kCount, int kTokens>
  static HWY_INLINE void dots(I16* sums, const I16* wide, const QuantisedBlock* x, int first) {
    static_assert(kMost == 0);
    EDDY_UNROLL
    for (int g = 0; g < 2 * kCount; ++g) {
      I16 two_of_rows = wide[2 * first + g];
      for (part::I& p : two_of_rows.p) part::in_register(p);
      EDDY_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const part::I two = part::broadcast_word(x[t].wide + 2 * (2 * first + g));
        for (std::size_t i = 0; i < kParts; ++i) {
          sums[t].p[i] = part::add_dot_16(sums[t].p[i], two_of_rows.p[i], two);
          part::in_register(sums[t].p[i]);
        }
      }
    }
  }
};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

// Where four products of bytes can be added to a lane in one step, by an instruction that not every
// machine of the target has: what uses it is compiled with these attributes, in a namespace by_dot.
#undef EDDY_HAS_DOT
#undef EDDY_DOT_ATTRIBUTES
#if HWY_TARGET == HWY_AVX3
#define EDDY_HAS_DOT 1
#define EDDY_DOT_ATTRIBUTES HWY_TARGET_STR ",avx512vnni"
#elif HWY_TARGET == HWY_NEON
#define EDDY_HAS_DOT 1
#define EDDY_DOT_ATTRIBUTES "arch=armv8.2-a+crypto+dotprod"
#else
#define EDDY_HAS_DOT 0
#endif

#if EDDY_HAS_DOT
HWY_PUSH_ATTRIBUTES(EDDY_DOT_ATTRIBUTES)
namespace eddy {
namespace HWY_NAMESPACE {

struct DotProducts {
  static constexpr bool kWidens = false;
#if HWY_TARGET == HWY_AVX3  // unsigned bytes by signed ones
  static constexpr int kSignedOffset = 128;
  static HWY_INLINE I16 prepared(I16 w) {
    return {{part::hn::Xor(w.p[0], part::hn::Set(part::DI(), static_cast<int>(0x80808080)))}};
  }
  static HWY_INLINE part::I dot(part::I sum, part::I w, part::I x) {
    return part::I{_mm512_dpbusd_epi32(sum.raw, w.raw, x.raw)};
  }
#else  // signed ones; what is unsigned is below 64
  static constexpr int kSignedOffset = 0;
  static HWY_INLINE I16 prepared(I16 w) { return w; }
  static HWY_INLINE part::I dot(part::I sum, part::I w, part::I x) {
    return part::I{vdotq_s32(sum.raw, vreinterpretq_s8_s32(w.raw), vreinterpretq_s8_s32(x.raw))};
  }
#endif

  template <int kMost, int kCount, int kTokens>
  static HWY_INLINE void dots(I16* sums, const I16* w, const QuantisedBlock* x, int first) {
    EDDY_UNROLL
    for (int g = 0; g < kCount; ++g) {
      EDDY_UNROLL
      for (int t = 0; t < kTokens; ++t) {
        const part::I word = part::broadcast_word(x[t].q + 4 * (first + g));
        for (std::size_t i = 0; i < kParts; ++i) {
          sums[t].p[i] = dot(sums[t].p[i], w[first + g].p[i], word);
        }
      }
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif

#endif  // per target
