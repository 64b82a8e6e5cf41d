// The tensors of a file as doubles, for the references.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eddy/types.h"

namespace eddy {
class GgufFile;
}

namespace eddy::reference {

struct Tensor {
  std::vector<std::int64_t> ne;  // four extents, the first contiguous
  std::vector<double> v;
  bool quantised = false;  // stored in blocks with a scale
};

// The tensor of this name; without elements if the file has none. F32, F16, BF16 and Q8_0.
Tensor read_tensor(const GgufFile& file, const std::string& name);

// Metadata, converted. A key that the file lacks is 0, false or "".
std::size_t size_key(const GgufFile& file, const std::string& key);
double real_key(const GgufFile& file, const std::string& key);
bool bool_key(const GgufFile& file, const std::string& key);
std::string text_key(const GgufFile& file, const std::string& key);

}  // namespace eddy::reference
