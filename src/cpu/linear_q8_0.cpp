// out[t, o] = sum_i weight[o, i] x[t, i] (+ out[t, o]) for a weight of Q8_0 and x quantised by
// blocks of 32 (quantised_x.h):
//   sum of block b:  p[b] = sum_i q_w[b, i] q_x[b, i], exact in int32
//   out = fma(p[b], d_w[b] d_x[b], out), from b = 0 on
// A lane is a row: sixteen rows are turned once (q8_words-inl.h) and then multiplied with every
// token of the tile, so no sum crosses lanes and a row's bits depend on nothing but its own blocks.
// weight {n_in, n_out}, x {n_in, n_tokens}, out {n_out, n_tokens}. Reads 34 bytes for 32 weights,
// once; 64 int8 and 3 float operations for each block of weights and token.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_q8_0.cpp"
#include <hwy/foreach_target.h>

#include "cpu/q8_dot-inl.h"
#include "cpu/q8_words-inl.h"
#include "cpu/quantised_x.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {
namespace by_signed {
using Products = SignedProducts;
#include "cpu/q8_kernel-inl.h"
}  // namespace by_signed
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_AVX3
HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace eddy {
namespace HWY_NAMESPACE {
namespace by_vnni {
using Products = VnniProducts;
#include "cpu/q8_kernel-inl.h"
}  // namespace by_vnni
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif

#if HWY_ONCE
namespace eddy {
const Kernels<LinearQ8Args> kLinearQ8_0 = EDDY_PER_ISA_AND_VNNI(linear_q8_0);
}  // namespace eddy
#endif
