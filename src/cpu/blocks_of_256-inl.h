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
  struct Head {
    I16 scales[4];  // byte s: scale in the low nibble, minimum in the high one, of sixteen elements
    I16 q[16];
    V16 d, d_low;
  };
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    turn<4>(blocks, 0, head.scales);
    turn<16>(blocks, 16, head.q);
    head.d = gather_f16(blocks, 80);
    head.d_low = gather_f16(blocks, 82);
  }
  static HWY_INLINE void chunk(const Head& head, int c, Chunk<Q2_K>& out) {
    for (int g = 0; g < kChunkWords; ++g) {
      out.words[g] = bits_right(head.q[c / 4 * 8 + g], 2 * (c % 4), 3);
    }
    const I16 scales = bits_right(head.scales[c / 2], 0, 15);
    const I16 lows = bits_right(head.scales[c / 2], 4, 15);
    for (int h = 0; h < 2; ++h) {
      out.scale[h] = mul(head.d, byte_to_float(scales, c % 2 * 2 + h));
      out.low[h] = mul(head.d_low, byte_to_float(lows, c % 2 * 2 + h));
    }
  }
};

struct Q3_K {
  static constexpr int kBlockBytes = 110, kChunks = 8, kScales = 2;
  static constexpr int kMost = 7, kOffset = 4;
  static constexpr bool kHasLow = false;
  struct Head {
    I16 scales[4];  // byte s: 32 more than the scale of sixteen elements
    I16 high[8], q[16];
    V16 d;
  };
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    turn<8>(blocks, 0, head.high);
    turn<16>(blocks, 32, head.q);
    const I16 low[2] = {gather_word(blocks, 96), gather_word(blocks, 100)};
    const I16 top = gather_word(blocks, 104);
    for (int k = 0; k < 4; ++k) {
      const I16 four = bits_right(low[k % 2], k / 2 * 4, 15);
      head.scales[k] = or_int(four, shift_left(bits_right(top, 2 * k, 3), 4));
    }
    head.d = gather_f16(blocks, 108);
  }
  static HWY_INLINE void chunk(const Head& head, int c, Chunk<Q3_K>& out) {
    for (int g = 0; g < kChunkWords; ++g) {
      const I16 two = bits_right(head.q[c / 4 * 8 + g], 2 * (c % 4), 3);
      const I16 third = shift_left(bits_right(head.high[g], c, 1), 2);
      out.words[g] = or_int(two, third);
    }
    for (int h = 0; h < 2; ++h) {
      const V16 scale = byte_to_float(head.scales[c / 2], c % 2 * 2 + h);
      out.scale[h] = mul(head.d, sub(scale, broadcast(32)));
    }
  }
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
    d = gather_f16(blocks, 0);
    d_low = gather_f16(blocks, 2);
  }
  HWY_INLINE V16 scale(int c) const { return mul(d, byte_to_float(scales[c / 4], c % 4)); }
  HWY_INLINE V16 low(int c) const { return mul(d_low, byte_to_float(lows[c / 4], c % 4)); }
};

struct Q4_K {
  static constexpr int kBlockBytes = 144, kChunks = 8, kScales = 1;
  static constexpr int kMost = 15, kOffset = 0;
  static constexpr bool kHasLow = true;
  struct Head {
    SixBitScales scales;
    I16 q[32];
  };
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    head.scales.load(blocks);
    turn<32>(blocks, 16, head.q);
  }
  static HWY_INLINE void chunk(const Head& head, int c, Chunk<Q4_K>& out) {
    for (int g = 0; g < kChunkWords; ++g) {
      out.words[g] = bits_right(head.q[c / 2 * 8 + g], c % 2 * 4, 15);
    }
    out.scale[0] = head.scales.scale(c);
    out.low[0] = head.scales.low(c);
  }
};

struct Q5_K {
  static constexpr int kBlockBytes = 176, kChunks = 8, kScales = 1;
  static constexpr int kMost = 31, kOffset = 0;
  static constexpr bool kHasLow = true;
  struct Head {
    SixBitScales scales;
    I16 high[8], q[32];
  };
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    head.scales.load(blocks);
    turn<8>(blocks, 16, head.high);
    turn<32>(blocks, 48, head.q);
  }
  static HWY_INLINE void chunk(const Head& head, int c, Chunk<Q5_K>& out) {
    for (int g = 0; g < kChunkWords; ++g) {
      const I16 four = bits_right(head.q[c / 2 * 8 + g], c % 2 * 4, 15);
      out.words[g] = or_int(four, shift_left(bits_right(head.high[g], c, 1), 4));
    }
    out.scale[0] = head.scales.scale(c);
    out.low[0] = head.scales.low(c);
  }
};

struct Q6_K {
  static constexpr int kBlockBytes = 210, kChunks = 8, kScales = 2;
  static constexpr int kMost = 63, kOffset = 32;
  static constexpr bool kHasLow = false;
  struct Head {
    I16 low[32], high[16];
    I16 scales[4];  // byte s: the scale of sixteen elements, signed
    V16 d;
  };
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    turn<32>(blocks, 0, head.low);
    turn<16>(blocks, 128, head.high);
    turn<4>(blocks, 192, head.scales);
    head.d = gather_f16(blocks, 208);
  }
  static HWY_INLINE void chunk(const Head& head, int c, Chunk<Q6_K>& out) {
    const int half = c / 4, run = c % 4;
    for (int g = 0; g < kChunkWords; ++g) {
      const I16 four = bits_right(head.low[16 * half + run % 2 * 8 + g], run / 2 * 4, 15);
      const I16 two = shift_left(bits_right(head.high[8 * half + g], 2 * run, 3), 4);
      out.words[g] = or_int(four, two);
    }
    const I16 scales = xor_int(head.scales[c / 2], each_byte(128));  // unsigned, 128 more
    for (int h = 0; h < 2; ++h) {
      const V16 scale = byte_to_float(scales, c % 2 * 2 + h);
      out.scale[h] = mul(head.d, sub(scale, broadcast(128)));
    }
  }
};

struct IQ4_XS {
  static constexpr int kBlockBytes = 136, kChunks = 8, kScales = 1;
  static constexpr int kMost = 0, kOffset = 0;
  static constexpr bool kHasLow = false;
  struct Head {
    I16 scales_high, scales_low;  // two bits from bit 16 on, and four, for each chunk
    I16 q[32];
    V16 d;
  };
  static HWY_INLINE void load(const RowBlocks& blocks, Head& head) {
    head.scales_high = gather_word(blocks, 0);
    head.scales_low = gather_word(blocks, 4);
    turn<32>(blocks, 8, head.q);
    head.d = gather_f16(blocks, 0);
  }
  static HWY_INLINE void chunk(const Head& head, int c, Chunk<IQ4_XS>& out) {
    split_nibbles(head.q + 4 * c, out.words);
    for (I16& word : out.words) word = look_up(kIq4Values, word);
    const I16 four = and_int(shift_right(head.scales_low, 4 * c), broadcast_int(15));
    const I16 two = and_int(shift_right(head.scales_high, 16 + 2 * c), broadcast_int(3));
    const V16 scale = to_float(or_int(four, shift_left(two, 4)));
    out.scale[0] = mul(head.d, sub(scale, broadcast(32)));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
