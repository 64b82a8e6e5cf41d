// What the product with quantised weights sees of any block format: chunks of 32 elements of
// sixteen rows, turned so that a lane is a row (turned_rows-inl.h).
//
// A format is a class with
//   kBlockBytes, kChunks     bytes of a block, and chunks in it
//   kScales                  1, or 2 where each sixteen elements have a scale of their own
//   kMost, kOffset           quants are stored as unsigned bytes up to kMost, kOffset more than
//   they
//                            are; kMost is 0 where they are signed
//   kHasLow                  whether there is something to subtract
//   Head                     what all chunks of a block need, turned once
//   load(blocks, head), chunk(head, c, out)
// and element i of a chunk is scale (q[i] - kOffset) - low.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_CHUNK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_CHUNK_INL_H_
#undef EDDY_CPU_CHUNK_INL_H_
#else
#define EDDY_CPU_CHUNK_INL_H_
#endif

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
