#include "reference/tensors.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "formats/gguf.h"
#include "reference/block_formats.h"

namespace eddy::reference {
namespace {

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, &bytes[at], sizeof value);
  return value;
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
    default: throw std::runtime_error("the references do not read this type");
  }
}

// All elements of a tensor made of blocks, each rounded to the float that it stands for.
std::vector<double> elements_of_blocks(const GgufTensor& tensor) {
  const std::size_t n_block_bytes = dtype_info(tensor.type).block_bytes;
  std::vector<double> out;
  for (std::size_t at = 0; at < tensor.data.size(); at += n_block_bytes) {
    for (const auto [scaled, low] :
         block_elements(tensor.type, tensor.data.subspan(at, n_block_bytes))) {
      out.push_back(static_cast<float>(scaled - low));
    }
  }
  return out;
}

}  // namespace

Tensor read_tensor(const GgufFile& file, const std::string& name) {
  const GgufTensor* found = file.find_tensor(name);
  if (!found) return {};
  Tensor tensor = {.ne = {found->ne.begin(), found->ne.end()},
                   .v = {},
                   .quantised = dtype_info(found->type).block_elems > 1};
  if (tensor.quantised) {
    tensor.v = elements_of_blocks(*found);
    return tensor;
  }
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
