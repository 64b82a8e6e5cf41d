// A safetensors file, or the files of a sharded model: tensors as views into the mapped bytes.
//
//   EDDY_TRY_ASSIGN(const Safetensors file, Safetensors::open_model(posix_file_system(), folder));
//   const SafeTensor* tensor = file.find("backbone.norm_f.weight");
//
// The format: the length of the header, u64, little-endian; the header, a JSON object that names
// each tensor's dtype, shape and data_offsets; the data.
//
// Invariants, whatever the bytes were (all rules: safetensors_parser.h):
//   I1  names are unique and not empty.
//   I2  a tensor's data has exactly the bytes that its type and shape take, lies inside its file
//       and overlaps no other's; together they are all data of the file, without gaps.
//   I3  besides the bytes of a file, reading it takes at most 16 x its header's bytes of memory.
//
// Threading: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/mapped_file.h"
#include "eddy/result.h"

namespace eddy {

// Element types. What can be done with each is the reader's matter.
enum class SafeType {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kU16,
  kI16,
  kF16,
  kBF16,
  kU32,
  kI32,
  kF32,
  kU64,
  kI64,
  kF64,
};

struct SafeTypeInfo {
  SafeType type;
  std::string_view name;  // "BF16"
  std::uint32_t n_bytes;  // of an element
};

const SafeTypeInfo& safe_type_info(SafeType type);
// nullptr if there is none of this name.
const SafeTypeInfo* find_safe_type(std::string_view name);

struct SafeTensor {
  std::string name;
  SafeType type = SafeType::kF32;
  std::vector<std::int64_t> shape;  // the last extent contiguous; may be empty, or hold zeros
  std::span<const std::byte> data;  // of any alignment
};

class Safetensors {
 public:
  // Maps and checks a file. Data is not read. kNotFound, kIo, kMalformed, kUnsupported (a dtype
  // that is not known); the message starts with the file's name. fs outlives the Safetensors.
  static Result<Safetensors> open(FileSystem& fs, const std::string& path);

  // The model of a folder: model.safetensors, or the files that model.safetensors.index.json names,
  // each of which holds exactly the tensors that the index says.
  static Result<Safetensors> open_model(FileSystem& fs, const std::string& folder);

  // The same for the bytes of one file, which outlive the Safetensors. `name` is for messages.
  static Result<Safetensors> parse(std::span<const std::byte> bytes, std::string name);

  // In order of the data; of a sharded model, file by file.
  std::span<const SafeTensor> tensors() const { return tensors_; }
  // nullptr if there is none. O(log n).
  const SafeTensor* find(std::string_view name) const;

 private:
  friend class SafetensorsShards;
  Safetensors() = default;

  void index();

  std::vector<SafeTensor> tensors_;
  std::vector<std::uint32_t> by_name_;
  std::vector<MappedFile> files_;
};

}  // namespace eddy
