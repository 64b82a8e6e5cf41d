// As linear_blocks_of_32.cpp, for weights in blocks of 256. Where each sixteen weights have a scale
// of their own a chunk is two such steps, of sixteen elements each.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_blocks_of_256.cpp"
#include <hwy/foreach_target.h>

#include <cstdlib>

#include "cpu/blocks_of_256-inl.h"
#include "cpu/int8_dot-inl.h"
#include "cpu/quantised_x.h"

#define EDDY_FORMATS(X) X(Q2_K) X(Q3_K) X(Q4_K) X(Q5_K) X(Q6_K) X(IQ4_XS)

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {
namespace by_signed {
using Products = SignedProducts;
#include "cpu/linear_blocks-inl.h"
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
#include "cpu/linear_blocks-inl.h"
}  // namespace by_vnni
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif

#undef EDDY_FORMATS

#if HWY_ONCE
namespace eddy {
const Kernels<LinearBlocksArgs> kLinearBlocksOf256 = EDDY_PER_ISA_AND_VNNI(linear_blocks);
}  // namespace eddy
#endif
