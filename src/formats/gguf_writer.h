// Writes GGUF files of version 3.
//
//   GgufWriter writer;
//   writer.add("general.architecture", "mamba");
//   writer.add("mamba.block_count", std::uint32_t{2});
//   writer.add_tensor({.name = "token_embd.weight", .type = DType::kF16, .ne = {64, 288}});
//   EDDY_TRY(writer.write(fs, path, [&](std::size_t i, const GgufSink& sink) {
//     return sink(bytes_of_tensor(i));
//   }));
//
// The bytes depend on what was added and its order alone. Tensors are asked for one after the
// other, each in as many pieces as one likes, so a model needs no more memory than a piece.
//
// Sticky: what is added wrongly is remembered, and the first of it is the error of write().
//
// Threading: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/dtype.h"
#include "base/file_system.h"
#include "eddy/result.h"
#include "formats/gguf_limits.h"
#include "formats/gguf_value.h"

namespace eddy {

// A tensor to be written; 1 to 4 extents, the first contiguous.
struct GgufTensorSpec {
  std::string name;
  DType type = DType::kF32;
  std::vector<std::int64_t> ne;
};

// Takes the next bytes.
using GgufSink = std::function<Status(std::span<const std::byte>)>;
// Gives the bytes of tensor i to the sink, in pieces of any size.
using GgufSource = std::function<Status(std::size_t i, const GgufSink& sink)>;

class GgufWriter {
 public:
  // --- Metadata. The key general.alignment also sets that of the tensors (u32; 32 if unset). -----
  void add(std::string_view key, const GgufValue& value);
  void add(std::string_view key, const char* text) { add(key, std::string_view(text)); }
  void add(std::string_view key, const std::string& text) { add(key, std::string_view(text)); }
  void add(std::string_view key, const std::vector<std::string>& texts);
  template <class T>
  requires std::is_arithmetic_v<T>
  void add(std::string_view key, T value) { add(key, GgufValue(value)); }
  template <class T>
  requires std::is_arithmetic_v<T>
  void add(std::string_view key, std::span<const T> values) {
    add(key, GgufValue(GgufArray{gguf_type(T{}), values.size(), std::as_bytes(values)}));
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void add(std::string_view key, const std::vector<T>& values) {
    add(key, std::span<const T>(values));
  }

  void add_tensor(GgufTensorSpec spec);

  // Writes the file, replacing what was at the path only when all went well (see AtomicFile).
  // kIo, kNotFound; the source's error; kInvalidArgument: the first wrong thing that was added (a
  // key or name that is empty, too long or not new; an alignment, type, shape or value that the
  // format does not have; more than a file may hold, see gguf_limits.h), or a source that gives
  // more or fewer bytes than the tensor has.
  Status write(FileSystem& fs, const std::string& path, const GgufSource& source) const;

  // The same bytes to a sink.
  Status write(const GgufSink& sink, const GgufSource& source) const;

 private:
  struct Tensor {
    GgufTensorSpec spec;
    std::uint64_t n_bytes = 0;
    std::uint64_t offset = 0;  // from the start of the data section
  };

  Status check_and_add(std::string_view key, const GgufValue& value);
  Status check_and_add_tensor(GgufTensorSpec spec);
  Result<std::vector<Tensor>> place_tensors() const;

  std::uint64_t alignment_ = kGgufAlignment;
  std::set<std::string, std::less<>> keys_;
  std::vector<std::byte> entries_;  // as they will lie in the file
  std::set<std::string, std::less<>> names_;
  std::vector<Tensor> tensors_;
  Status status_;  // the first error
};

}  // namespace eddy
