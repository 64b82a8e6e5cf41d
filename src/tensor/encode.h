// F32 to the types that eddy writes. The inverse of tensor/decode.h, with a loss: for each run of
// elements that shares a scale, the scale (and minimum) with the least squared error is searched
// among candidates, each improved by least squares, with large elements counting more.
//
// The result depends on the elements of a block alone.
#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"

namespace eddy {

// F32, F16, BF16, Q8_0, Q4_0, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K.
bool can_encode(DType type);

// Encodes whole blocks: `out` has row_bytes(type, values.size()) bytes. Precondition: can_encode().
// Values that are not finite are the caller's to refuse; they make blocks that are not finite.
void encode(DType type, std::span<const float> values, std::byte* out);

}  // namespace eddy
