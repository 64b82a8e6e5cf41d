// What holds of every safetensors file that was accepted; for the tests and the fuzz target.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "formats/safetensors.h"

namespace eddy::test {

// I1 and I2: what is wrong, or nothing. `bytes` are those that were parsed.
inline std::string broken_invariant(const Safetensors& file, std::span<const std::byte> bytes) {
  std::set<std::string_view> names;
  const std::byte* end = nullptr;
  for (const SafeTensor& tensor : file.tensors()) {
    if (tensor.name.empty() || !names.insert(tensor.name).second) return "a name is not unique";
    if (file.find(tensor.name) != &tensor) return "a tensor is not found";
    std::uint64_t n = safe_type_info(tensor.type).n_bytes;
    for (const std::int64_t extent : tensor.shape) n *= static_cast<std::uint64_t>(extent);
    if (tensor.data.size() != n) return "data of another size than the shape says";
    const std::byte* const first = tensor.data.data();
    if (first < bytes.data() || first + n > bytes.data() + bytes.size()) return "data outside";
    if (end && first != end) return "a gap, or two tensors in one place";
    end = first + n;
  }
  return end && end != bytes.data() + bytes.size() ? "data that is no tensor's" : "";
}

}  // namespace eddy::test
