// Element types and block formats: the one table of ids, names and sizes.
//
// Ids and sizes are those of GGUF files: part of the format, never renumber. A row of a tensor is
// made of whole blocks along its first extent. Which types can be computed with is the backend's
// matter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace eddy {

enum class DType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
};

struct DTypeInfo {
  DType type;
  std::string_view name;      // "Q8_0"
  std::uint32_t block_elems;  // elements in a block
  std::uint32_t block_bytes;  // bytes in a block
};

// All types, in order of id.
std::span<const DTypeInfo> dtype_table();

// The row of the table for a raw id from a file; nullopt for unknown and removed ids.
std::optional<DType> dtype_from_id(std::uint32_t id);

const DTypeInfo& dtype_info(DType type);
inline std::string_view dtype_name(DType type) { return dtype_info(type).name; }

// The type with this name, in any letter case; nullopt if there is none.
std::optional<DType> dtype_from_name(std::string_view name);

// Bytes of a row of n elements; nullopt if n is no multiple of the block or the result overflows.
std::optional<std::uint64_t> row_bytes(DType type, std::uint64_t n);

}  // namespace eddy
