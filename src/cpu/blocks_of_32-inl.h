// The formats with blocks of 32 elements (chunk-inl.h). Layouts: tensor/decode.cpp has them element
// by element.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_BLOCKS_OF_32_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_BLOCKS_OF_32_INL_H_
#undef EDDY_CPU_BLOCKS_OF_32_INL_H_
#else
#define EDDY_CPU_BLOCKS_OF_32_INL_H_
#endif

#include "cpu/chunk-inl.h"
#include "tensor/decode.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// What a block of 32 is: one chunk, of one scale, which loading has made.
template <class Format>
struct BlockOf32 {
  static constexpr int kChunks = 1, kScales = 1;
  using Head = Chunk<Format>;
  static HWY_INLINE void chunk(const Head& head, int, Head& out) { out = head; }
};

// The words of a block whose nibbles lie at `at`.
HWY_INLINE void load_nibbles(const RowBlocks& blocks, int at, I16* words) {
  I16 packed[4];
  turn<4>(blocks, at, packed);
  split_nibbles(packed, words);
}

struct Q8_0 : BlockOf32<Q8_0> {
  static constexpr int kBlockBytes = 34, kMost = 0, kOffset = 0;
  static constexpr bool kHasLow = false;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    turn<8>(blocks, 2, head.words);
    head.scale[0] = gather_f16(blocks, 0);
  }
};

struct Q4_0 : BlockOf32<Q4_0> {
  static constexpr int kBlockBytes = 18, kMost = 15, kOffset = 8;
  static constexpr bool kHasLow = false;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    load_nibbles(blocks, 2, head.words);
    head.scale[0] = gather_f16(blocks, 0);
  }
};

struct Q4_1 : BlockOf32<Q4_1> {
  static constexpr int kBlockBytes = 20, kMost = 15, kOffset = 0;
  static constexpr bool kHasLow = true;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    load_nibbles(blocks, 4, head.words);
    head.scale[0] = gather_f16(blocks, 0);
    head.low[0] = sub(zeros(), gather_f16(blocks, 2));
  }
};

// Sets bit 4 of every byte that has its bit in `high`: bit e for element e.
HWY_INLINE void add_fifth_bits(I16 high, I16* words) {
  for (int g = 0; g < kChunkWords; ++g) {
    for (int j = 0; j < 4; ++j) {
      const I16 bit = and_int(shift_right(high, 4 * g + j), broadcast_int(1));
      words[g] = or_int(words[g], shift_left(bit, 8 * j + 4));
    }
  }
}

struct Q5_0 : BlockOf32<Q5_0> {
  static constexpr int kBlockBytes = 22, kMost = 31, kOffset = 16;
  static constexpr bool kHasLow = false;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    load_nibbles(blocks, 6, head.words);
    add_fifth_bits(gather_word(blocks, 2), head.words);
    head.scale[0] = gather_f16(blocks, 0);
  }
};

struct Q5_1 : BlockOf32<Q5_1> {
  static constexpr int kBlockBytes = 24, kMost = 31, kOffset = 0;
  static constexpr bool kHasLow = true;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    load_nibbles(blocks, 8, head.words);
    add_fifth_bits(gather_word(blocks, 4), head.words);
    head.scale[0] = gather_f16(blocks, 0);
    head.low[0] = sub(zeros(), gather_f16(blocks, 2));
  }
};

struct IQ4_NL : BlockOf32<IQ4_NL> {
  static constexpr int kBlockBytes = 18, kMost = 0, kOffset = 0;
  static constexpr bool kHasLow = false;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    load_nibbles(blocks, 2, head.words);
    for (I16& word : head.words) word = look_up(kIq4Values, word);
    head.scale[0] = gather_f16(blocks, 0);
  }
};

struct MXFP4 : BlockOf32<MXFP4> {
  static constexpr int kBlockBytes = 17, kMost = 0, kOffset = 0;
  static constexpr bool kHasLow = false;
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    load_nibbles(blocks, 1, head.words);
    for (I16& word : head.words) word = look_up(kMxfp4Values, word);
    float scales[16];
    for (std::size_t row = 0; row < 16; ++row) {
      scales[row] = mxfp4_scale(std::to_integer<std::uint8_t>(*blocks.byte(row, 0)));
    }
    head.scale[0] = eddy::HWY_NAMESPACE::load(scales);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
