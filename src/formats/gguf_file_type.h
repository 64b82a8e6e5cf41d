// general.file_type: what a file says most of its matrices are. Part of the format, never renumber;
// nobody decodes by it.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace eddy {

// Of files whose matrices are of one type, as far as eddy writes them.
constexpr std::uint32_t gguf_file_type(DType type) {
  switch (type) {
    case DType::kF16: return 1;
    case DType::kQ4_0: return 2;
    case DType::kQ8_0: return 7;
    case DType::kQ5_0: return 8;
    case DType::kQ5_1: return 9;
    case DType::kQ4_K: return 14;
    case DType::kQ5_K: return 16;
    case DType::kQ6_K: return 18;
    case DType::kBF16: return 32;
    default: return 0;  // F32
  }
}

}  // namespace eddy
