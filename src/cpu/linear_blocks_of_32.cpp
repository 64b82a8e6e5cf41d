// out[t, o] = sum_i weight[o, i] x[t, i] (+ out[t, o]) for weights in blocks of 32 and x quantised
// by blocks of 32 (quantised_x.h). For a chunk of 32 weights that are scale q_w[i] - low:
//   p = sum_i q_w[i] q_x[i], exact in int32;  s = sum_i q_x[i]
//   out = fma(p, scale d_x, out);  out = fma(low, -s d_x, out), from the first chunk on
// A lane is a row: sixteen rows are turned once (turned_rows-inl.h) and then multiplied with every
// token of the tile, so no sum crosses lanes and a bit depends on nothing but the row and the
// token. weight {n_in, n_out}, x {n_in, n_tokens}, out {n_out, n_tokens}. Reads the weight once; 64
// int8 and 3 float operations for each chunk and token.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_blocks_of_32.cpp"
#include <hwy/foreach_target.h>

#include "cpu/blocks_of_32-inl.h"

#define EDDY_FORMATS(X) X(Q8_0) X(Q4_0) X(Q4_1) X(Q5_0) X(Q5_1) X(IQ4_NL) X(MXFP4)

#include "cpu/linear_blocks-inl.h"

#undef EDDY_FORMATS

#if HWY_ONCE
namespace eddy {
const Kernels<LinearBlocksArgs> kLinearBlocksOf32 = EDDY_PER_ISA_AND_DOT(linear_blocks);
}  // namespace eddy
#endif
