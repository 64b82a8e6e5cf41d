// linear_blocks(args, tiles) for the formats of a list EDDY_FORMATS, once for each way to multiply
// int8: in the namespace by_signed, and in by_dot where EDDY_HAS_DOT (int8_dot-inl.h).
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

#if EDDY_HAS_DOT
HWY_PUSH_ATTRIBUTES(EDDY_DOT_ATTRIBUTES)
namespace eddy {
namespace HWY_NAMESPACE {
namespace by_dot {
using Products = DotProducts;
#include "cpu/multiply_blocks-inl.h"
}  // namespace by_dot
}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_POP_ATTRIBUTES
#endif
