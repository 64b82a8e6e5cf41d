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

// What a block of 32 is: one chunk, of one scale.
struct BlockOf32 {
  static constexpr int kChunks = 1, kScales = 1;
  static constexpr bool kHasLow = false;

  struct Scales {
    V16 d;
    HWY_INLINE void load(const RowBlocks& blocks) { d = gather_f16(blocks, 0); }
    HWY_INLINE void set(int, V16* scale, V16*) const { scale[0] = d; }
  };
};
struct BlockOf32WithLow : BlockOf32 {
  static constexpr bool kHasLow = true;

  struct Scales {
    V16 d, low_d;
    HWY_INLINE void load(const RowBlocks& blocks) {
      const I16 both = gather_word(blocks, 0);
      d = low_half(both);
      low_d = sub(zeros(), high_half(both));
    }
    HWY_INLINE void set(int, V16* scale, V16* low) const {
      scale[0] = d;
      low[0] = low_d;
    }
  };
};

// The words of a block, which loading has made.
struct WordsOf32 {
  I16 all[kChunkWords];
  HWY_INLINE void words(int, I16* out) const {
    for (int g = 0; g < kChunkWords; ++g) out[g] = all[g];
  }
};

// Bytes that lie at kAt.
template <int kAt>
struct Bytes : WordsOf32 {
  static constexpr int kRowTokens = 3;
  HWY_INLINE void load(const RowBlocks& blocks) { turn<kChunkWords>(blocks, kAt, all); }
#if EDDY_HAS_ROWS
  static HWY_INLINE part::I row(const std::byte* block, int) { return load_row(block + kAt); }
#endif
};

// Nibbles that lie at kAt.
template <int kAt>
struct Nibbles : WordsOf32 {
  static constexpr int kRowTokens = 2;
  HWY_INLINE void load(const RowBlocks& blocks) {
    I16 packed[4];
    turn<4>(blocks, kAt, packed);
    split_nibbles(packed, all);
  }
#if EDDY_HAS_ROWS
  static HWY_INLINE part::I row(const std::byte* block, int) {
    return load_nibble_row(block + kAt);
  }
#endif
};

// The same, with the fifth bit of each element in a word at kHighAt: bit e for element e.
template <int kAt, int kHighAt>
struct FiveBits : Nibbles<kAt> {
  HWY_INLINE void load(const RowBlocks& blocks) {
    Nibbles<kAt>::load(blocks);
    const I16 high = gather_word(blocks, kHighAt);
    for (int g = 0; g < kChunkWords; ++g) {
      for (int j = 0; j < 4; ++j) {
        const I16 bit = and_int(shift_right(high, 4 * g + j), broadcast_int(1));
        this->all[g] = or_int(this->all[g], shift_left(bit, 8 * j + 4));
      }
    }
  }
#if EDDY_HAS_ROWS
  static HWY_INLINE part::I row(const std::byte* block, int c) {
    return part::or_int(Nibbles<kAt>::row(block, c), load_fifth_bits(block + kHighAt));
  }
#endif
};

// Nibbles that stand for the numbers of a table.
template <int kAt, const std::int8_t (&kTable)[16]>
struct Codes : Nibbles<kAt> {
  static constexpr int kRowTokens = 1;
  HWY_INLINE void load(const RowBlocks& blocks) {
    Nibbles<kAt>::load(blocks);
    for (I16& word : this->all) word = look_up(kTable, word);
  }
#if EDDY_HAS_ROWS
  static HWY_INLINE part::I row(const std::byte* block, int c) {
    return part::look_up(kTable, Nibbles<kAt>::row(block, c));
  }
#endif
};

struct Q8_0 : BlockOf32 {
  static constexpr int kBlockBytes = 34, kMost = 0, kOffset = 0;
  using Quants = Bytes<2>;
};

struct Q4_0 : BlockOf32 {
  static constexpr int kBlockBytes = 18, kMost = 15, kOffset = 8;
  using Quants = Nibbles<2>;
};

struct Q4_1 : BlockOf32WithLow {
  static constexpr int kBlockBytes = 20, kMost = 15, kOffset = 0;
  using Quants = Nibbles<4>;
};

struct Q5_0 : BlockOf32 {
  static constexpr int kBlockBytes = 22, kMost = 31, kOffset = 16;
  using Quants = FiveBits<6, 2>;
};

struct Q5_1 : BlockOf32WithLow {
  static constexpr int kBlockBytes = 24, kMost = 31, kOffset = 0;
  using Quants = FiveBits<8, 4>;
};

struct IQ4_NL : BlockOf32 {
  static constexpr int kBlockBytes = 18, kMost = 0, kOffset = 0;
  using Quants = Codes<2, kIq4Values>;
};

struct MXFP4 : BlockOf32 {
  static constexpr int kBlockBytes = 17, kMost = 0, kOffset = 0;
  using Quants = Codes<1, kMxfp4Values>;
  struct Scales {
    V16 d;
    HWY_INLINE void load(const RowBlocks& blocks) {
      float scales[16];
      for (std::size_t row = 0; row < 16; ++row) {
        scales[row] = mxfp4_scale(std::to_integer<std::uint8_t>(*blocks.byte(row, 0)));
      }
      d = eddy::HWY_NAMESPACE::load(scales);
    }
    HWY_INLINE void set(int, V16* scale, V16*) const { scale[0] = d; }
  };
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
