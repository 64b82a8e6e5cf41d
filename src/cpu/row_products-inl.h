// Sixteen rows of quantised weights times one token, without turning the rows: a product runs along
// the row, and the sums of eight rows are turned instead. For one token that is less work than
// turning the weights. The same integers and the same float operations as in
// multiply_blocks-inl.h, hence the same bits.
//
// Included once for each target of hwy/foreach_target.h; empty where !EDDY_HAS_ROWS.
#if defined(EDDY_CPU_ROW_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_ROW_PRODUCTS_INL_H_
#undef EDDY_CPU_ROW_PRODUCTS_INL_H_
#else
#define EDDY_CPU_ROW_PRODUCTS_INL_H_
#endif

#include "cpu/chunk-inl.h"
#include "cpu/int8_dot-inl.h"

#if EDDY_HAS_ROWS
HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Sums of a chunk for sixteen rows: of its first sixteen elements and of the others.
struct ChunkSums {
  I16 half[2];
};

// Products of 32 elements of one row, some of them added.
//   kMost > 0: sixteen sums of two in sixteen bits; else eight sums of four
template <int kMost>
HWY_INLINE __m256i row_products(__m256i w, __m256i x) {
  if constexpr (kMost > 0) return _mm256_maddubs_epi16(w, x);
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

// Of every two neighbouring words in each half of the registers the sum: a's, then b's. Two
// shuffles and an addition are twice as fast as the machine's horizontal addition.
template <class Add>
HWY_INLINE __m256i add_neighbours(__m256i a, __m256i b, Add add) {
  const __m256 fa = _mm256_castsi256_ps(a), fb = _mm256_castsi256_ps(b);
  return add(_mm256_castps_si256(_mm256_shuffle_ps(fa, fb, 0x88)),
             _mm256_castps_si256(_mm256_shuffle_ps(fa, fb, 0xdd)));
}

// From the products of four rows: in each half of the register, a lane for each row. They are added
// in sixteen bits as long as they fit.
template <int kMost>
HWY_INLINE __m256i add_rows(const __m256i* p) {
  const auto add16 = [](__m256i a, __m256i b) HWY_ATTR { return _mm256_add_epi16(a, b); };
  const auto add32 = [](__m256i a, __m256i b) HWY_ATTR { return _mm256_add_epi32(a, b); };
  const auto widen = [](__m256i v) HWY_ATTR { return _mm256_madd_epi16(v, _mm256_set1_epi16(1)); };
  const auto add_first = [&](__m256i a, __m256i b) HWY_ATTR {
    return kMost > 0 ? add_neighbours(a, b, add16) : add_neighbours(a, b, add32);
  };
  const __m256i a = add_first(p[0], p[1]), b = add_first(p[2], p[3]);
  if constexpr (kMost == 0) {
    return add_neighbours(a, b, add32);
  } else {
    constexpr int kFit = 32767 / (2 * 127 * kMost);  // products of two that sixteen bits hold
    static_assert(kFit >= 2);
    if constexpr (kFit >= 4) return widen(add_neighbours(a, b, add16));
    return add_neighbours(widen(a), widen(b), add32);
  }
}

// Chunk c of blocks that lie row_bytes apart, one of each of sixteen rows. With each four rows a
// piece of the next tile comes closer.
template <class Format>
HWY_INLINE ChunkSums chunk_sums(const std::byte* block, std::int64_t row_bytes, int c, __m256i x,
                                NextTile<Format>& next) {
  ChunkSums sums;
  EDDY_UNROLL
  for (std::size_t i = 0; i < kParts; ++i) {
    __m256i fours[2];
    EDDY_UNROLL
    for (int f = 0; f < 2; ++f) {
      const int four = static_cast<int>(i) * 2 + f;
      next.fetch(c * 4 + four, Format::kChunks * 4);
      __m256i p[4];
      EDDY_UNROLL
      for (int r = 0; r < 4; ++r) {
        const std::byte* row = block + (four * 4 + r) * row_bytes;
        p[r] = row_products<Format::kMost>(Format::Quants::row(row, c).raw, x);
      }
      fours[f] = add_rows<Format::kMost>(p);
      next.wait_for(fours[f]);
    }
    sums.half[0].p[i] = part::I{_mm256_permute2x128_si256(fours[0], fours[1], 0x20)};
    sums.half[1].p[i] = part::I{_mm256_permute2x128_si256(fours[0], fours[1], 0x31)};
  }
  return sums;
}

// sum += chunk c of sixteen rows times the block of x.
template <class Format>
HWY_INLINE V16 add_row_chunk(V16 sum, const typename Format::Scales& scales, const ChunkSums& sums,
                             int c, const QuantisedBlock& x) {
  V16 scale[Format::kScales], low[Format::kScales];
  scales.set(c, scale, low);
  EDDY_UNROLL
  for (int h = 0; h < Format::kScales; ++h) {
    I16 products = Format::kScales == 1 ? add_int(sums.half[0], sums.half[1]) : sums.half[h];
    if (Format::kOffset != 0) {
      products = add_int(products, broadcast_int(minus_sum<Format>(x, h) * Format::kOffset));
    }
    sum = add_scaled<Format>(sum, products, scale, low, h, x);
  }
  return sum;
}

// Sixteen rows that begin at `tile`, times blocks of x that are x_step apart.
template <class Format>
HWY_INLINE V16 multiply_rows(const std::byte* tile, std::int64_t n_blocks, const QuantisedBlock* x,
                             std::int64_t x_step) {
  const std::int64_t row_bytes = n_blocks * Format::kBlockBytes;
  const std::byte* rows[16];
  for (std::int64_t r = 0; r < 16; ++r) rows[r] = tile + r * row_bytes;
  V16 sum = zeros();
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    const std::int64_t offset = b * Format::kBlockBytes;
    NextTile<Format> next(tile, n_blocks, b);
    typename Format::Scales scales;
    scales.load({rows, offset});
    EDDY_UNROLL
    for (int c = 0; c < Format::kChunks; ++c) {
      const __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x->q));
      const ChunkSums sums = chunk_sums<Format>(tile + offset, row_bytes, c, q, next);
      sum = add_row_chunk<Format>(sum, scales, sums, c, *x);
      x += x_step;
    }
  }
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();
#endif

#endif  // per target
