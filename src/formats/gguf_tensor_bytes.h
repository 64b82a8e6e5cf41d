// How many bytes a tensor of a GGUF file has.
#pragma once

#include <cstdint>
#include <span>

#include "base/dtype.h"
#include "eddy/result.h"

namespace eddy {

// Bytes of a tensor with these extents, the first contiguous. The error, without the tensor's name:
// not 1 to 4 extents, one below 1, the first no multiple of the type's block, or 2^63 or more
// elements or bytes. kMalformed.
Result<std::uint64_t> gguf_tensor_bytes(DType type, std::span<const std::int64_t> ne);

}  // namespace eddy
