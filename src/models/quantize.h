// A GGUF file with its weights in smaller types: which tensor gets which type, and the writing.
//
// Threading: one thread; the pool's threads encode.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "eddy/result.h"

namespace eddy {

class FileSystem;
class GgufFile;
class ThreadPool;

// What a name on the command line means. The mixes are those that files are published in.
struct QuantizeMix {
  std::string_view name;    // "Q4_K_M"
  DType type;               // of most matrices
  DType output;             // of the output matrix, which is the embedding's if there is none
  DType important;          // of attn_v, and of ffn_down in half of the layers
  std::uint32_t file_type;  // general.file_type
};

std::span<const QuantizeMix> quantize_mixes();

// nullptr if there is none of this name, in any letter case.
const QuantizeMix* find_quantize_mix(std::string_view name);

// The types that the file's tensors get, in its order. Vectors, norms, convolutions and what small
// models are sensitive to keep theirs; rows that are no whole blocks of the type get one that fits.
std::vector<DType> quantized_types(const QuantizeMix& mix, const GgufFile& file);

struct QuantizedTensor {
  std::string_view name;
  DType from, to;
  std::uint64_t n_bytes_from = 0, n_bytes_to = 0;
  double error = 0;  // root mean square of the differences over that of the values
};

// Writes the file anew, in place of what was at the path only when all went well. Calls on_tensor
// after each tensor.
// kInvalidArgument: a tensor is quantised already, so that another loss would be hidden in the new
// file. kNonFinite: a weight is no number. kIo, kOutOfMemory.
Status quantize(const GgufFile& file, const QuantizeMix& mix, ThreadPool& pool, FileSystem& fs,
                const std::string& path,
                const std::function<void(const QuantizedTensor&)>& on_tensor);

}  // namespace eddy
