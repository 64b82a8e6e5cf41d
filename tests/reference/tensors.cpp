#include "reference/tensors.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "formats/gguf.h"

namespace eddy::reference {
namespace {

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, &bytes[at], sizeof value);
  return value;
}

// Sign, five bits of exponent, ten of fraction (IEEE 754, binary16).
double half_at(std::span<const std::byte> bytes, std::size_t at) {
  const auto bits = number_at<std::uint16_t>(bytes, at);
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = bits / 1024 % 32;
  const double fraction = bits % 1024 / 1024.0;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::pow(2, -14) * fraction;
  return sign * std::pow(2, exponent - 15) * (1 + fraction);
}

// The upper half of an F32.
double bfloat_at(std::span<const std::byte> bytes, std::size_t at) {
  const std::uint32_t bits = std::uint32_t{number_at<std::uint16_t>(bytes, at)} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

double element_at(DType type, std::span<const std::byte> bytes, std::size_t i) {
  switch (type) {
    case DType::kF32: return number_at<float>(bytes, 4 * i);
    case DType::kF16: return half_at(bytes, 2 * i);
    case DType::kBF16: return bfloat_at(bytes, 2 * i);
    case DType::kQ8_0: {  // blocks of a half and 32 integers
      const std::size_t block = i / 32 * 34;
      return half_at(bytes, block) * number_at<std::int8_t>(bytes, block + 2 + i % 32);
    }
    default: throw std::runtime_error("the references do not read this type");
  }
}

}  // namespace

Tensor read_tensor(const GgufFile& file, const std::string& name) {
  const GgufTensor* found = file.find_tensor(name);
  if (!found) return {};
  Tensor tensor = {.ne = {found->ne.begin(), found->ne.end()},
                   .v = {},
                   .quantised = found->type == DType::kQ8_0};
  std::size_t n = 1;
  for (const std::int64_t extent : found->ne) n *= static_cast<std::size_t>(extent);
  for (std::size_t i = 0; i < n; ++i) tensor.v.push_back(element_at(found->type, found->data, i));
  return tensor;
}

std::size_t size_key(const GgufFile& file, const std::string& key) {
  return static_cast<std::size_t>(*file.get_or<std::uint64_t>(key, 0));
}

double real_key(const GgufFile& file, const std::string& key) {
  return *file.get_or<double>(key, 0);
}

bool bool_key(const GgufFile& file, const std::string& key) {
  return *file.get_or<bool>(key, false);
}

std::string text_key(const GgufFile& file, const std::string& key) {
  return std::string(*file.get_or<std::string_view>(key, ""));
}

}  // namespace eddy::reference
