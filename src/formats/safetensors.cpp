#include "formats/safetensors.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/error.h"
#include "base/try.h"
#include "formats/safetensors_parser.h"

namespace eddy {
namespace {

constexpr SafeTypeInfo kSafeTypes[] = {
    {SafeType::kBool, "BOOL", 1},      {SafeType::kU8, "U8", 1},
    {SafeType::kI8, "I8", 1},          {SafeType::kF8E4M3, "F8_E4M3", 1},
    {SafeType::kF8E5M2, "F8_E5M2", 1}, {SafeType::kU16, "U16", 2},
    {SafeType::kI16, "I16", 2},        {SafeType::kF16, "F16", 2},
    {SafeType::kBF16, "BF16", 2},      {SafeType::kU32, "U32", 4},
    {SafeType::kI32, "I32", 4},        {SafeType::kF32, "F32", 4},
    {SafeType::kU64, "U64", 8},        {SafeType::kI64, "I64", 8},
    {SafeType::kF64, "F64", 8},
};
static_assert(std::size(kSafeTypes) == static_cast<std::size_t>(SafeType::kF64) + 1);

}  // namespace

const SafeTypeInfo& safe_type_info(SafeType type) {
  return kSafeTypes[static_cast<std::size_t>(type)];
}

const SafeTypeInfo* find_safe_type(std::string_view name) {
  const auto* found = std::ranges::find(kSafeTypes, name, &SafeTypeInfo::name);
  return found == std::end(kSafeTypes) ? nullptr : found;
}

Result<Safetensors> Safetensors::open(FileSystem& fs, const std::string& path) {
  EDDY_TRY_ASSIGN(MappedFile mapped, MappedFile::open(fs, path));
  EDDY_TRY_ASSIGN(Safetensors file, parse(mapped.bytes(), path));
  file.files_.push_back(std::move(mapped));
  return file;
}

Result<Safetensors> Safetensors::parse(std::span<const std::byte> bytes, std::string name) {
  Result<std::vector<SafeTensor>> tensors = parse_safetensors(bytes);
  if (!tensors) return prefixed(name, std::move(tensors).error());
  Safetensors file;
  file.tensors_ = std::move(*tensors);
  file.index();
  return file;
}

void Safetensors::index() {
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  const auto name = [&](std::uint32_t i) -> std::string_view { return tensors_[i].name; };
  std::ranges::sort(by_name_, {}, name);
}

const SafeTensor* Safetensors::find(std::string_view wanted) const {
  const auto name = [&](std::uint32_t i) -> std::string_view { return tensors_[i].name; };
  const auto at = std::ranges::lower_bound(by_name_, wanted, {}, name);
  return at != by_name_.end() && name(*at) == wanted ? &tensors_[*at] : nullptr;
}

}  // namespace eddy
