// Whether state elements are finite numbers, looked at as bits: no arithmetic, any float mode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/dtype.h"

namespace eddy {

// The index of the first element that is NaN or infinite: its exponent bits are all ones.
// `type` is F32, F16, BF16 or Q8_0, where it is the first of a block whose scale is; little-endian
// elements at any address.
std::optional<std::uint64_t> first_non_finite(DType type, std::span<const std::byte> elements);

}  // namespace eddy
