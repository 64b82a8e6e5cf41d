// The bytes of a planned tensor, piece by piece.
#pragma once

#include <functional>

#include "convert/tensor_plan.h"
#include "eddy/result.h"
#include "formats/gguf_writer.h"

namespace eddy::convert {

// Gives all bytes to the sink. on_elements is told how many elements each piece had.
// kNonFinite: NaN or infinity among the values; kUnsupported: a value beyond the largest of F16.
// The message starts with the tensor's name in the checkpoint.
Status write_values(const PlannedTensor& planned, const GgufSink& sink,
                    const std::function<void(std::uint64_t)>& on_elements);

}  // namespace eddy::convert
