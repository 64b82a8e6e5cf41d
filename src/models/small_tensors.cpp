#include "models/small_tensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

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
  if (type == DType::kF32) {
    std::ranges::copy(bytes.first(out.size() * sizeof(float)),
                      std::as_writable_bytes(std::span(out)).begin());
    return out;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto bits = element<std::uint16_t>(bytes, i);
    out[i] = type == DType::kF16 ? f16_to_f32(bits) : bf16_to_f32(bits);
  }
  return out;
}

}  // namespace eddy
