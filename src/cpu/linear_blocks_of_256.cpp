// As linear_blocks_of_32.cpp, for weights in blocks of 256. Where each sixteen weights have a scale
// of their own a chunk is two such steps, of sixteen elements each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_blocks_of_256.cpp"
#include <hwy/foreach_target.h>

#include "cpu/blocks_of_256-inl.h"

#define EDDY_FORMATS(X) X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(IQ4_XS)

#include "cpu/linear_blocks-inl.h"

#undef EDDY_FORMATS

#if HWY_ONCE
namespace eddy {
const Kernels<LinearBlocksArgs> kLinearBlocksOf256 = EDDY_PER_ISA_AND_DOT(linear_blocks);
}  // namespace eddy
#endif
