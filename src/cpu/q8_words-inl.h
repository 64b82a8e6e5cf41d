// Blocks of sixteen rows of Q8_0, turned so that a lane is a row: word g of a block is its elements
// 4 g .. 4 g + 3, and words[g] holds word g of all rows.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_Q8_WORDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_Q8_WORDS_INL_H_
#undef EDDY_CPU_Q8_WORDS_INL_H_
#else
#define EDDY_CPU_Q8_WORDS_INL_H_
#endif

#include "cpu/lanes-inl.h"
#include "cpu/q8_0.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

inline constexpr int kWords = kQ8BlockElems / 4;

// The same block of sixteen rows: `offset` bytes into each.
struct RowBlocks {
  const std::byte* const (&rows)[16];
  std::int64_t offset;

  HWY_INLINE const std::byte* block(std::size_t row) const { return rows[row] + offset; }
  HWY_INLINE const std::byte* q(std::size_t row) const { return block(row) + offsetof(Q8Block, q); }
};

#if EDDY_PLAIN
HWY_INLINE void load_words(const RowBlocks& blocks, I16 (&words)[kWords]) {
  for (std::size_t row = 0; row < 16; ++row) {
    for (int g = 0; g < kWords; ++g) std::memcpy(&words[g].p[row], blocks.q(row) + 4 * g, 4);
  }
}
#else
// Four words from `offset` on of every fourth row, beginning with `row`: a row to each 128 bits.
HWY_INLINE part::I load_every_fourth(const RowBlocks& blocks, std::size_t row, int offset) {
  const auto quad = [&](std::size_t r) HWY_ATTR {
    const hwy::HWY_NAMESPACE::CappedTag<std::int32_t, 4> d;
    return part::hn::LoadU(d, reinterpret_cast<const std::int32_t*>(blocks.q(r) + offset));
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

// Words 4 h .. 4 h + 3 of the rows of one part.
HWY_INLINE void load_words_of_part(const RowBlocks& blocks, std::size_t p, int h,
                                   I16 (&words)[kWords]) {
  namespace hn = part::hn;
  const part::DI d;
  const hn::RepartitionToWide<part::DI> d64;
  const std::size_t row = p * part::kSize;
  const part::I v0 = load_every_fourth(blocks, row, 16 * h);
  const part::I v1 = load_every_fourth(blocks, row + 1, 16 * h);
  const part::I v2 = load_every_fourth(blocks, row + 2, 16 * h);
  const part::I v3 = load_every_fourth(blocks, row + 3, 16 * h);
  const auto low01 = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));
  const auto low23 = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
  const auto high01 = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
  const auto high23 = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
  words[4 * h + 0].p[p] = hn::BitCast(d, hn::InterleaveLower(d64, low01, low23));
  words[4 * h + 1].p[p] = hn::BitCast(d, hn::InterleaveUpper(d64, low01, low23));
  words[4 * h + 2].p[p] = hn::BitCast(d, hn::InterleaveLower(d64, high01, high23));
  words[4 * h + 3].p[p] = hn::BitCast(d, hn::InterleaveUpper(d64, high01, high23));
}

HWY_INLINE void load_words(const RowBlocks& blocks, I16 (&words)[kWords]) {
  for (std::size_t p = 0; p < kParts; ++p) {
    load_words_of_part(blocks, p, 0, words);
    load_words_of_part(blocks, p, 1, words);
  }
}
#endif

// The scales of the blocks.
HWY_INLINE V16 load_scales(const RowBlocks& blocks) {
  std::uint16_t scales[16];
  for (std::size_t row = 0; row < 16; ++row) std::memcpy(&scales[row], blocks.block(row), 2);
  return load_f16(scales);
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
