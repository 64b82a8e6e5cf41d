// The JSON header of a safetensors file as a list: what it says of each tensor, unchecked against
// the data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "eddy/result.h"
#include "formats/safetensors.h"

namespace eddy {

struct SafeEntry {
  std::string name;
  const SafeTypeInfo* type = nullptr;
  std::vector<std::int64_t> shape = {};  // each 0 or more
  std::array<std::uint64_t, 2> offsets = {};
};

// In order of the header. Reads event by event, so nothing but what the format has is ever held.
Result<std::vector<SafeEntry>> read_safetensors_header(std::string_view json);

}  // namespace eddy
