// What the product with quantised weights sees of any block format: chunks of 32 elements of
// sixteen rows, turned so that a lane is a row (turned_rows-inl.h).
//
// A format is a class with
//   kBlockBytes, kChunks     bytes of a block, and chunks in it
//   kScales                  1, or 2 where each sixteen elements have a scale of their own
//   kMost, kOffset           unsigned bytes up to kMost, kOffset more than the quants are; or
//                            kMost is 0, and they are signed
//   kHasLow                  whether there is something to subtract
//   Scales                   load(blocks); set(c, scale, low) gives those of chunk c
//   Quants                   load(blocks); words(c, out) gives the eight words of chunk c
//                            and where EDDY_HAS_ROWS, row(block, c) its 32 bytes of one row
//   Quants::kRowTokens       for up to so many tokens it is sooner to take rows as they lie
//                            (row_products-inl.h; measured, docs/performance.md)
// and element i of a chunk is scale (q[i] - kOffset) - low.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_CHUNK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_CHUNK_INL_H_
#undef EDDY_CPU_CHUNK_INL_H_
#else
#define EDDY_CPU_CHUNK_INL_H_
#endif

#include "cpu/int8_dot-inl.h"
#include "cpu/quantised_x.h"
#include "cpu/turned_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

inline constexpr int kChunkWords = 8;

template <class Format>
struct Chunk {
  I16 words[kChunkWords];  // word g: the bytes of elements 4 g .. 4 g + 3
  V16 scale[Format::kScales];
  V16 low[Format::kScales];  // unless there is none
};

// -sum q of the elements of x that share scale number h.
template <class Format>
HWY_INLINE std::int32_t minus_sum(const QuantisedBlock& x, int h) {
  return Format::kScales == 1 ? x.minus_sums[0] + x.minus_sums[1] : x.minus_sums[h];
}

// sum + what the elements of scale number h add: their integer products with x, scaled, less low.
template <class Format>
HWY_INLINE V16 add_scaled(V16 sum, I16 products, const V16* scale, const V16* low, int h,
                          const QuantisedBlock& x) {
  sum = fma(to_float(products), mul(scale[h], broadcast(x.d)), sum);
  if constexpr (Format::kHasLow) {
    const float minus_x =
        Format::kScales == 1 ? x.minus_x : static_cast<float>(minus_sum<Format>(x, h)) * x.d;
    sum = fma(low[h], broadcast(minus_x), sum);
  }
  return sum;
}

#if EDDY_HAS_ROWS
// 32 bytes as they lie; the same bits of each byte, after a shift to the right.
HWY_INLINE part::I load_row(const std::byte* p) {
  return part::load_int(reinterpret_cast<const std::int32_t*>(p));
}
HWY_INLINE part::I row_bits(part::I v, int n, std::uint8_t mask) {
  const auto all = part::broadcast_int(static_cast<std::int32_t>(mask * 0x01010101u));
  return part::and_int(part::shift_right(v, n), all);
}
// The low nibbles of sixteen bytes, then the high ones.
HWY_INLINE part::I load_nibble_row(const std::byte* p) {
  const __m128i q = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return row_bits(part::I{_mm256_set_m128i(_mm_srli_epi16(q, 4), q)}, 0, 15);
}
// 16 in byte e where bit e of the word at p is set, else 0.
HWY_INLINE part::I load_fifth_bits(const std::byte* p) {
  constexpr std::int64_t kOfEight = 0x0101010101010101;
  const __m256i source = _mm256_setr_epi64x(0, kOfEight, 2 * kOfEight, 3 * kOfEight);
  const __m256i bytes = _mm256_shuffle_epi8(part::broadcast_word(p).raw, source);
  const __m256i bit = _mm256_set1_epi64x(static_cast<std::int64_t>(0x8040201008040201));
  const __m256i is_set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
  return part::I{_mm256_and_si256(is_set, _mm256_set1_epi8(16))};
}
#endif

// The lines of the next tile that block b of a tile brings closer, a few at a time: as many as a
// block has would fill the places where a core notes what it waits for, and it would stand still.
// The next tile follows in memory; its halves are two streams, which the machine's own prefetchers
// follow better than one.
template <class Format>
class NextTile {
 public:
  HWY_INLINE NextTile(const std::byte* tile, std::int64_t n_blocks, std::int64_t b)
      : halves_{tile + (2 * n_blocks + b) * kBytes, tile + (3 * n_blocks + b) * kBytes} {}

  // Piece i of n, which are all of them. Inlined even where nothing is: a compiler may find that a
  // call of what only prefetches does nothing.
  HWY_INLINE void fetch(int i, int n) const {
    for (int line = kLines * i / n; line < kLines * (i + 1) / n; ++line) {
      for (const std::byte* half : halves_) __builtin_prefetch(half + line * kLineBytes, 0, 2);
    }
  }

#if EDDY_HAS_ROWS
  // The pieces from here on come after these sums, where a compiler would fetch all at once, first.
  HWY_INLINE void wait_for(__m256i sums) {
    asm("" : "+r"(halves_[0]), "+r"(halves_[1]) : "x"(sums));
  }
#endif

 private:
  static constexpr int kLineBytes = 64, kBytes = 8 * Format::kBlockBytes;
  static constexpr int kLines = (kBytes + kLineBytes - 1) / kLineBytes;
  const std::byte* halves_[2];
};

// Sixteen nibbles of four words: the low ones of all come before the high ones.
HWY_INLINE void split_nibbles(const I16* packed, I16* words) {
  for (int g = 0; g < 4; ++g) {
    words[g] = bits_right(packed[g], 0, 15);
    words[g + 4] = bits_right(packed[g], 4, 15);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
