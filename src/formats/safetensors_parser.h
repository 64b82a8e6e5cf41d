// The rules of one safetensors file.
//
// Refused are: a header of less than 2 or more than 100 MB (the format's limit), or that ends after
// the file; one that is no JSON object of what the format has, and nothing else: for each tensor
// dtype, shape and data_offsets once, and texts in __metadata__; more than 65536 tensors, or 8
// extents; a name that is empty, above 1 KiB or there twice; an extent, or a product of them, of
// 2^63 or more; offsets that are not those of the tensor's bytes, or leave bytes of the data to no
// tensor or to two.
#pragma once

#include <span>
#include <vector>

#include "eddy/result.h"
#include "formats/safetensors.h"

namespace eddy {

// The tensors in order of their data. kMalformed; kUnsupported: a dtype that is not known. The
// message starts with what is wrong, a tensor's name or the header.
Result<std::vector<SafeTensor>> parse_safetensors(std::span<const std::byte> bytes);

}  // namespace eddy
