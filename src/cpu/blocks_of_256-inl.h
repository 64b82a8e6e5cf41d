// The formats with blocks of 256 elements (chunk-inl.h). Layouts: tensor/decode.cpp has them
// element by element. Scales are small integers, four to a word, and one or two halves for all.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_BLOCKS_OF_256_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_BLOCKS_OF_256_INL_H_
#undef EDDY_CPU_BLOCKS_OF_256_INL_H_
#else
#define EDDY_CPU_BLOCKS_OF_256_INL_H_
#endif

#include "cpu/chunk-inl.h"
#include "tensor/decode.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

struct Q2_K {
  static constexpr int kBlockBytes = 84, kChunks = 8, kScales = 2;
  static constexpr int kMost = 3, kOffset = 0;
  static constexpr bool kHasLow = true;
  struct Scales {
    I16 both[4];  // byte s: scale in the low nibble, minimum in the high one, of sixteen elements
    V16 d, d_low;
    HWY_INLINE void load(const RowBlocks& blocks) {
      turn<4>(blocks, 0, both);
      const I16 halves = gather_word(blocks, 80);
      d = low_half(halves);
      d_low = high_half(halves);
    }
    HWY_INLINE void set(int c, V16* scale, V16* low) const {
      const I16 scales = bits_right(both[c / 2], 0, 15), lows = bits_right(both[c / 2], 4, 15);
      for (int h = 0; h < 2; ++h) {
        scale[h] = mul(d, byte_to_float(scales, c % 2 * 2 + h));
        low[h] = mul(d_low, byte_to_float(lows, c % 2 * 2 + h));
      }
    }
  };
  struct Quants {
    static constexpr int kRowTokens = 2;
    I16 q[16];
    HWY_INLINE void load(const RowBlocks& blocks) { turn<16>(blocks, 16, q); }
    HWY_INLINE void words(int c, I16* out) const {
      for (int g = 0; g < kChunkWords; ++g) {
        out[g] = bits_right(q[c / 4 * 8 + g], 2 * (c % 4), 3);
      }
    }
#if EDDY_HAS_ROWS
    static HWY_INLINE part::I row(const std::byte* block, int c) {
      return row_bits(load_row(block + 16 + c / 4 * 32), 2 * (c % 4), 3);
    }
#endif
  };
};

struct Q3_K {
  static constexpr int kBlockBytes = 110, kChunks = 8, kScales = 2;
  static constexpr int kMost = 7, kOffset = 4;
  static constexpr bool kHasLow = false;
  struct Scales {
    I16 scales[4];  // byte s: 32 more than the scale of sixteen elements
    V16 d;
    HWY_INLINE void load(const RowBlocks& blocks) {
      I16 words[4];  // two other bytes, then what is wanted: twelve bytes and a half
      turn<4>(blocks, 94, words);
      const auto bytes = [&](int k) HWY_ATTR {  // 96 + 4 k and the next three
        return or_int(shift_right(words[k], 16), shift_left(words[k + 1], 16));
      };
      const I16 low[2] = {bytes(0), bytes(1)};
      const I16 top = bytes(2);
      for (int k = 0; k < 4; ++k) {
        const I16 four = bits_right(low[k % 2], k / 2 * 4, 15);
        scales[k] = or_int(four, shift_left(bits_right(top, 2 * k, 3), 4));
      }
      d = high_half(words[3]);
    }
    HWY_INLINE void set(int c, V16* scale, V16*) const {
      for (int h = 0; h < 2; ++h) {
        const V16 more = byte_to_float(scales[c / 2], c % 2 * 2 + h);
        scale[h] = mul(d, sub(more, broadcast(32)));
      }
    }
  };
  struct Quants {
    static constexpr int kRowTokens = 2;
    I16 high[8], q[16];
    HWY_INLINE void load(const RowBlocks& blocks) {
      turn<8>(blocks, 0, high);
      turn<16>(blocks, 32, q);
    }
    HWY_INLINE void words(int c, I16* out) const {
      for (int g = 0; g < kChunkWords; ++g) {
        const I16 two = bits_right(q[c / 4 * 8 + g], 2 * (c % 4), 3);
        out[g] = or_int(two, shift_left(bits_right(high[g], c, 1), 2));
      }
    }
#if EDDY_HAS_ROWS
    static HWY_INLINE part::I row(const std::byte* block, int c) {
      const part::I two = row_bits(load_row(block + 32 + c / 4 * 32), 2 * (c % 4), 3);
      return part::or_int(two, part::shift_left(row_bits(load_row(block), c, 1), 2));
    }
#endif
  };
};

// Scales and minima of Q4_K and Q5_K: six bits each for eight chunks.
struct SixBitScales {
  I16 scales[2], lows[2];  // byte s
  V16 d, d_low;

  HWY_INLINE void load(const RowBlocks& blocks) {
    I16 words[4];  // two halves, then twelve bytes
    turn<4>(blocks, 0, words);
    scales[0] = bits_right(words[1], 0, 63);
    lows[0] = bits_right(words[2], 0, 63);
    scales[1] = or_int(bits_right(words[3], 0, 15), bits_right(words[1], 2, 0x30));
    lows[1] = or_int(bits_right(words[3], 4, 15), bits_right(words[2], 2, 0x30));
    d = low_half(words[0]);
    d_low = high_half(words[0]);
  }
  HWY_INLINE void set(int c, V16* scale, V16* low) const {
    scale[0] = mul(d, byte_to_float(scales[c / 4], c % 4));
    low[0] = mul(d_low, byte_to_float(lows[c / 4], c % 4));
  }
};

struct Q4_K {
  static constexpr int kBlockBytes = 144, kChunks = 8, kScales = 1;
  static constexpr int kMost = 15, kOffset = 0;
  static constexpr bool kHasLow = true;
  using Scales = SixBitScales;
  struct Quants {
    static constexpr int kRowTokens = 2;
    I16 q[32];
    HWY_INLINE void load(const RowBlocks& blocks) { turn<32>(blocks, 16, q); }
    HWY_INLINE void words(int c, I16* out) const {
      for (int g = 0; g < kChunkWords; ++g) {
        out[g] = bits_right(q[c / 2 * 8 + g], c % 2 * 4, 15);
      }
    }
#if EDDY_HAS_ROWS
    static HWY_INLINE part::I row(const std::byte* block, int c) {
      return row_bits(load_row(block + 16 + c / 2 * 32), c % 2 * 4, 15);
    }
#endif
  };
};

struct Q5_K {
  static constexpr int kBlockBytes = 176, kChunks = 8, kScales = 1;
  static constexpr int kMost = 31, kOffset = 0;
  static constexpr bool kHasLow = true;
  using Scales = SixBitScales;
  struct Quants {
    static constexpr int kRowTokens = 2;
    I16 high[8], q[32];
    HWY_INLINE void load(const RowBlocks& blocks) {
      turn<8>(blocks, 16, high);
      turn<32>(blocks, 48, q);
    }
    HWY_INLINE void words(int c, I16* out) const {
      for (int g = 0; g < kChunkWords; ++g) {
        const I16 four = bits_right(q[c / 2 * 8 + g], c % 2 * 4, 15);
        out[g] = or_int(four, shift_left(bits_right(high[g], c, 1), 4));
      }
    }
#if EDDY_HAS_ROWS
    static HWY_INLINE part::I row(const std::byte* block, int c) {
      const part::I four = row_bits(load_row(block + 48 + c / 2 * 32), c % 2 * 4, 15);
      return part::or_int(four, part::shift_left(row_bits(load_row(block + 16), c, 1), 4));
    }
#endif
  };
};

struct Q6_K {
  static constexpr int kBlockBytes = 210, kChunks = 8, kScales = 2;
  static constexpr int kMost = 63, kOffset = 32;
  static constexpr bool kHasLow = false;
  struct Scales {
    I16 scales[4];  // byte s: the scale of sixteen elements, signed
    V16 d;
    HWY_INLINE void load(const RowBlocks& blocks) {
      turn<4>(blocks, 192, scales);
      d = gather_last_f16(blocks, 208);
    }
    HWY_INLINE void set(int c, V16* scale, V16*) const {
      const I16 more = xor_int(scales[c / 2], each_byte(128));  // unsigned, 128 more
      for (int h = 0; h < 2; ++h) {
        scale[h] = mul(d, sub(byte_to_float(more, c % 2 * 2 + h), broadcast(128)));
      }
    }
  };
  struct Quants {
    static constexpr int kRowTokens = 2;
    I16 low[32], high[16];
    HWY_INLINE void load(const RowBlocks& blocks) {
      turn<32>(blocks, 0, low);
      turn<16>(blocks, 128, high);
    }
    HWY_INLINE void words(int c, I16* out) const {
      const int half = c / 4, run = c % 4;
      for (int g = 0; g < kChunkWords; ++g) {
        const I16 four = bits_right(low[16 * half + run % 2 * 8 + g], run / 2 * 4, 15);
        out[g] = or_int(four, shift_left(bits_right(high[8 * half + g], 2 * run, 3), 4));
      }
    }
#if EDDY_HAS_ROWS
    static HWY_INLINE part::I row(const std::byte* block, int c) {
      const int half = c / 4, run = c % 4;
      const part::I four = row_bits(load_row(block + 64 * half + run % 2 * 32), run / 2 * 4, 15);
      const part::I two = row_bits(load_row(block + 128 + 32 * half), 2 * run, 3);
      return part::or_int(four, part::shift_left(two, 4));
    }
#endif
  };
};

struct IQ4_XS {
  static constexpr int kBlockBytes = 136, kChunks = 8, kScales = 1;
  static constexpr int kMost = 0, kOffset = 0;
  static constexpr bool kHasLow = false;
  struct Scales {
    I16 high, low;  // two bits from bit 16 on, and four, for each chunk
    V16 d;
    HWY_INLINE void load(const RowBlocks& blocks) {
      high = gather_word(blocks, 0);
      low = gather_word(blocks, 4);
      d = low_half(high);
    }
    HWY_INLINE void set(int c, V16* scale, V16*) const {
      const I16 four = and_int(shift_right(low, 4 * c), broadcast_int(15));
      const I16 two = and_int(shift_right(high, 16 + 2 * c), broadcast_int(3));
      scale[0] = mul(d, sub(to_float(or_int(four, shift_left(two, 4))), broadcast(32)));
    }
  };
  struct Quants {
    static constexpr int kRowTokens = 1;
    I16 q[32];
    HWY_INLINE void load(const RowBlocks& blocks) { turn<32>(blocks, 8, q); }
    HWY_INLINE void words(int c, I16* out) const {
      split_nibbles(q + 4 * c, out);
      for (int g = 0; g < kChunkWords; ++g) out[g] = look_up(kIq4Values, out[g]);
    }
#if EDDY_HAS_ROWS
    static HWY_INLINE part::I row(const std::byte* block, int c) {
      return part::look_up(kIq4Values, load_nibble_row(block + 8 + 16 * c));
    }
#endif
  };
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
