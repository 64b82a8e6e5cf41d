#include "base/dtype.h"

#include <algorithm>
#include <array>

#include "base/checked.h"
#include "base/ignoring_case.h"

namespace eddy {
namespace {

constexpr std::array<DTypeInfo, 35> kTypes = {{
    {DType::kF32, "F32", 1, 4},
    {DType::kF16, "F16", 1, 2},
    {DType::kQ4_0, "Q4_0", 32, 18},
    {DType::kQ4_1, "Q4_1", 32, 20},
    {DType::kQ5_0, "Q5_0", 32, 22},
    {DType::kQ5_1, "Q5_1", 32, 24},
    {DType::kQ8_0, "Q8_0", 32, 34},
    {DType::kQ8_1, "Q8_1", 32, 36},
    {DType::kQ2_K, "Q2_K", 256, 84},
    {DType::kQ3_K, "Q3_K", 256, 110},
    {DType::kQ4_K, "Q4_K", 256, 144},
    {DType::kQ5_K, "Q5_K", 256, 176},
    {DType::kQ6_K, "Q6_K", 256, 210},
    {DType::kQ8_K, "Q8_K", 256, 292},
    {DType::kIQ2_XXS, "IQ2_XXS", 256, 66},
    {DType::kIQ2_XS, "IQ2_XS", 256, 74},
    {DType::kIQ3_XXS, "IQ3_XXS", 256, 98},
    {DType::kIQ1_S, "IQ1_S", 256, 50},
    {DType::kIQ4_NL, "IQ4_NL", 32, 18},
    {DType::kIQ3_S, "IQ3_S", 256, 110},
    {DType::kIQ2_S, "IQ2_S", 256, 82},
    {DType::kIQ4_XS, "IQ4_XS", 256, 136},
    {DType::kI8, "I8", 1, 1},
    {DType::kI16, "I16", 1, 2},
    {DType::kI32, "I32", 1, 4},
    {DType::kI64, "I64", 1, 8},
    {DType::kF64, "F64", 1, 8},
    {DType::kIQ1_M, "IQ1_M", 256, 56},
    {DType::kBF16, "BF16", 1, 2},
    {DType::kTQ1_0, "TQ1_0", 256, 54},
    {DType::kTQ2_0, "TQ2_0", 256, 66},
    {DType::kMXFP4, "MXFP4", 32, 17},
    {DType::kNVFP4, "NVFP4", 64, 36},
    {DType::kQ1_0, "Q1_0", 128, 18},
    {DType::kQ2_0, "Q2_0", 64, 18},
}};

const DTypeInfo* find_id(std::uint32_t id) {
  const auto row = std::ranges::find(kTypes, static_cast<DType>(id), &DTypeInfo::type);
  return row == kTypes.end() ? nullptr : &*row;
}

}  // namespace

std::span<const DTypeInfo> dtype_table() { return kTypes; }

std::optional<DType> dtype_from_id(std::uint32_t id) {
  const DTypeInfo* row = find_id(id);
  return row ? std::optional(row->type) : std::nullopt;
}

const DTypeInfo& dtype_info(DType type) { return *find_id(static_cast<std::uint32_t>(type)); }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& row : kTypes) {
    if (equal_ignoring_case(row.name, name)) return row.type;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> row_bytes(DType type, std::uint64_t n) {
  const DTypeInfo& info = dtype_info(type);
  if (n % info.block_elems != 0) return std::nullopt;
  return checked_mul(n / info.block_elems, info.block_bytes);
}

}  // namespace eddy
