// linear_blocks(args, tiles) for the formats of a list EDDY_FORMATS, once for each way to multiply
// int8: in the namespace by_signed, and in by_vnni where there is AVX512-VNNI.
//
// Included by the files that have such a list, once for each target of hwy/foreach_target.h.
#include <cstdlib>

#include "cpu/int8_dot-inl.h"
#include "cpu/quantised_x.h"
#include "cpu/row_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {
namespace by_signed {
using Products = SignedProducts;
#include "cpu/multiply_blocks-inl.h"
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
#include "cpu/multiply_blocks-inl.h"
}  // namespace by_vnni
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif
