// Blocks of sixteen rows of a quantised weight, turned so that a lane is a row: words of four bytes
// that lie one after the other in a row come to lie in neighbouring I16s.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_TURNED_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_TURNED_ROWS_INL_H_
#undef EDDY_CPU_TURNED_ROWS_INL_H_
#else
#define EDDY_CPU_TURNED_ROWS_INL_H_
#endif

#include "cpu/lanes-inl.h"

// Whether rows can also be multiplied as they lie (row_products-inl.h).
#undef EDDY_HAS_ROWS
#define EDDY_HAS_ROWS (HWY_TARGET == HWY_AVX2)

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// The same block of sixteen rows: `offset` bytes into each. `at` counts bytes from there.
struct RowBlocks {
  const std::byte* const (&rows)[16];
  std::int64_t offset;

  HWY_INLINE const std::byte* byte(std::size_t row, int at) const {
    return rows[row] + offset + at;
  }
};

#if EDDY_PLAIN
HWY_INLINE void turn_four(const RowBlocks& blocks, int at, I16* words) {
  for (std::size_t row = 0; row < 16; ++row) {
    for (int g = 0; g < 4; ++g) std::memcpy(&words[g].p[row], blocks.byte(row, at + 4 * g), 4);
  }
}
#else
// Four words of every fourth row, beginning with `row`: a row to each 128 bits.
HWY_INLINE part::I load_every_fourth(const RowBlocks& blocks, std::size_t row, int at) {
  const auto quad = [&](std::size_t r) HWY_ATTR {
    const hwy::HWY_NAMESPACE::CappedTag<std::int32_t, 4> d;
    return part::hn::LoadU(d, reinterpret_cast<const std::int32_t*>(blocks.byte(r, at)));
  };
#if HWY_TARGET == HWY_NEON
  return quad(row);
#elif HWY_TARGET == HWY_AVX2
  return part::hn::Combine(part::DI(), quad(row + 4), quad(row));
#else
  const part::hn::Half<part::DI> half;
  return part::hn::Combine(part::DI(), part::hn::Combine(half, quad(row + 12), quad(row + 8)),
                           part::hn::Combine(half, quad(row + 4), quad(row)));
#endif
}

// The words at `at`, + 4, + 8 and + 12.
HWY_INLINE void turn_four(const RowBlocks& blocks, int at, I16* words) {
  namespace hn = part::hn;
  const part::DI d;
  const hn::RepartitionToWide<part::DI> d64;
  for (std::size_t p = 0; p < kParts; ++p) {
    const std::size_t row = p * part::kSize;
    const part::I v0 = load_every_fourth(blocks, row, at);
    const part::I v1 = load_every_fourth(blocks, row + 1, at);
    const part::I v2 = load_every_fourth(blocks, row + 2, at);
    const part::I v3 = load_every_fourth(blocks, row + 3, at);
    const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));
    const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
    const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
    const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
    words[0].p[p] = hn::BitCast(d, hn::InterleaveLower(d64, low01, low23));
    words[1].p[p] = hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23));
    words[2].p[p] = hn::BitCast(d, hn::InterleaveLower(d64, high01, high23));
    words[3].p[p] = hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23));
  }
}
#endif

// kWords words, a multiple of four, from `at` on.
template <int kWords>
HWY_INLINE void turn(const RowBlocks& blocks, int at, I16* words) {
  static_assert(kWords % 4 == 0);
  for (int g = 0; g < kWords; g += 4) turn_four(blocks, at + 4 * g, words + g);
}

// One word, for what is no multiple of four.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
HWY_INLINE I16 gather_word(const RowBlocks& blocks, int at) {
  const auto word = [&](std::size_t row) HWY_ATTR {
    std::int32_t bits;
    std::memcpy(&bits, blocks.byte(row, at), 4);
    return _mm_cvtsi32_si128(bits);
  };
  __m128i four[4];
  for (std::size_t i = 0; i < 4; ++i) {
    const __m128i low = _mm_unpacklo_epi32(word(4 * i), word(4 * i + 1));
    const __m128i high = _mm_unpacklo_epi32(word(4 * i + 2), word(4 * i + 3));
    four[i] = _mm_unpacklo_epi64(low, high);
  }
  const __m256i first = _mm256_set_m128i(four[1], four[0]);
  const __m256i last = _mm256_set_m128i(four[3], four[2]);
#if HWY_TARGET == HWY_AVX2
  return {{part::I{first}, part::I{last}}};
#else
  return {{part::I{_mm512_inserti64x4(_mm512_castsi256_si512(first), last, 1)}}};
#endif
}
#else
HWY_INLINE I16 gather_word(const RowBlocks& blocks, int at) {
  std::int32_t words[16];
  for (std::size_t row = 0; row < 16; ++row) std::memcpy(&words[row], blocks.byte(row, at), 4);
  return load_int(words);
}
#endif

// A half at `at`, and one that ends a block; with a word each, which the machine loads in one step.
HWY_INLINE V16 gather_f16(const RowBlocks& blocks, int at) {
  return low_half(gather_word(blocks, at));
}
HWY_INLINE V16 gather_last_f16(const RowBlocks& blocks, int at) {
  return high_half(gather_word(blocks, at - 2));
}

// Every byte of a word at once. `byte` is the same four times over.
HWY_INLINE I16 each_byte(std::uint8_t byte) {
  return broadcast_int(static_cast<std::int32_t>(byte * 0x01010101u));
}
// Bits of every byte: those of `mask` after a shift to the right.
HWY_INLINE I16 bits_right(I16 v, int n, std::uint8_t mask) {
  return and_int(shift_right(v, n), each_byte(mask));
}
// Byte number j as a float, unsigned.
HWY_INLINE V16 byte_to_float(I16 v, int j) {
  return to_float(and_int(shift_right(v, 8 * j), broadcast_int(255)));
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
