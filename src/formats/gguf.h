// A GGUF file: its metadata, and its tensors as views into the mapped bytes.
//
//   EDDY_TRY_ASSIGN(GgufFile file, GgufFile::open(posix_file_system(), "model.gguf"));
//   EDDY_TRY_ASSIGN(const auto n_layer, file.get<std::uint32_t>("mamba.block_count"));
//   const GgufTensor* tensor = file.find_tensor("blk.0.ssm_in.weight");
//
// Invariants, whatever the bytes were (all rules: gguf_parser.h):
//   I1  keys and tensor names are unique and not empty.
//   I2  a tensor's data lies inside the file, overlaps no other's, and has exactly the bytes that
//       its type and extents take; ne has four extents >= 1; rows are whole blocks of the type.
//   I3  besides the bytes of a file, parsing it takes at most 2 x their number + 1 MiB of memory.
//
// A model that is split over several files reads as one file.
//
// Threading: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/file_system.h"
#include "base/mapped_file.h"
#include "eddy/result.h"
#include "formats/gguf_value.h"

namespace eddy {

struct GgufEntry {
  std::string_view key;
  GgufValue value;
};

struct GgufTensor {
  std::string_view name;
  std::array<std::int64_t, 4> ne = {1, 1, 1, 1};  // the first extent contiguous
  int n_dims = 1;                                 // extents that the file states
  DType type = DType::kF32;
  std::span<const std::byte> data;  // aligned as general.alignment says, from the file's start
};

class GgufFile {
 public:
  // Maps and checks the file, and the other parts of a split model (`path` is its first part). Data
  // is not read. kNotFound, kIo, kMalformed, kUnsupported, kOutOfMemory; the message starts with
  // the file's name. fs outlives the GgufFile.
  static Result<GgufFile> open(FileSystem& fs, const std::string& path);

  // The same for the bytes of one file, which outlive the GgufFile. `name` is for messages.
  static Result<GgufFile> parse(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  std::uint32_t version() const { return version_; }      // 2 or 3
  std::uint64_t alignment() const { return alignment_; }  // bytes, of the first part

  // --- Metadata ---------------------------------------------------------------------------------
  // In order of the file; of a split model, those of its first part.
  std::span<const GgufEntry> entries() const { return entries_; }
  // nullptr if there is none. O(log n).
  const GgufValue* find(std::string_view key) const;

  // The value as a T; see gguf_value_as for which T, and from what. kNotFound; kMalformed: another
  // type or out of T's range. "m.gguf: mamba.block_count: missing, expected u32".
  template <class T>
  Result<T> get(std::string_view key) const;

  // The same; the fallback if there is no such key.
  template <class T>
  Result<T> get_or(std::string_view key, T fallback) const;

  // One value for each layer: an array of n_layer, or one number that counts for all.
  template <class T>
  Result<std::vector<T>> per_layer(std::string_view key, std::int64_t n_layer) const;

  // --- Tensors ----------------------------------------------------------------------------------
  // In order of the file or files.
  std::span<const GgufTensor> tensors() const { return tensors_; }
  // nullptr if there is none. O(log n).
  const GgufTensor* find_tensor(std::string_view name) const;

  // Asks the operating system to read the files now, in the background.
  void prefetch() const;

 private:
  friend class GgufSplit;
  GgufFile() = default;

  Status index();

  std::string name_;
  std::uint32_t version_ = 3;
  std::uint64_t alignment_ = 0;
  std::vector<GgufEntry> entries_;
  std::vector<GgufTensor> tensors_;
  std::vector<std::uint32_t> entries_by_key_;
  std::vector<std::uint32_t> tensors_by_name_;
  std::vector<MappedFile> files_;
};

}  // namespace eddy
