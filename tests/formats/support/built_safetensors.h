// Safetensors files built by hand, right ones and wrong ones.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "formats/support/built_file.h"

namespace eddy::test {

// The header's length, the header, and the data.
inline std::string safetensors_text(std::string_view header, std::string_view data) {
  const Bytes length = number_bytes<std::uint64_t>({header.size()});
  std::string text(reinterpret_cast<const char*>(length.data()), length.size());
  return text.append(header).append(data);
}

inline Bytes bytes_of_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// Two tensors and one without elements, out of order, with metadata and the padding of writers.
inline std::string sample_safetensors() {
  return safetensors_text(
      R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("none":{"dtype":"I64","shape":[0,4],"data_offsets":[20,20]}}  )",
      "01234567890123456789");
}

}  // namespace eddy::test
