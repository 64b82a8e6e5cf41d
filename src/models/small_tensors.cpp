#include "models/small_tensors.h"

#include <cstdint>
#include <cstring>

#include "base/half.h"

namespace eddy {
namespace {

// Files have no alignment beyond the first element.
template <class T>
T element(std::span<const std::byte> bytes, std::size_t i) {
  T value;
  std::memcpy(&value, &bytes[i * sizeof(T)], sizeof value);
  return value;
}

}  // namespace

std::optional<std::vector<float>> to_f32(DType type, std::span<const std::byte> bytes) {
  if (type != DType::kF32 && type != DType::kF16 && type != DType::kBF16) return std::nullopt;
  std::vector<float> out(bytes.size() / dtype_info(type).block_bytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    switch (type) {
      case DType::kF16: out[i] = f16_to_f32(element<std::uint16_t>(bytes, i)); break;
      case DType::kBF16: out[i] = bf16_to_f32(element<std::uint16_t>(bytes, i)); break;
      default: out[i] = element<float>(bytes, i);
    }
  }
  return out;
}

}  // namespace eddy
