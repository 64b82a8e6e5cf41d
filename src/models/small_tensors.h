// Small tensors as F32, whatever the file stores them as.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/dtype.h"

namespace eddy {

// The elements of a tensor of F32, F16 or BF16; nullopt for any other type.
std::optional<std::vector<float>> to_f32(DType type, std::span<const std::byte> bytes);

}  // namespace eddy
