// BufferPlan: what will lie where, found before a buffer is had: one buffer for each buffer type.
//
// Threading: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "eddy/result.h"
#include "tensor/buffer.h"

namespace eddy {

struct BufferPlace {
  std::size_t buffer = 0;    // index into what allocate() returns
  std::uint64_t offset = 0;  // bytes, a multiple of the type's alignment
};

class BufferPlan {
 public:
  // A place for n_bytes at the end of the type's buffer; nullopt where sizes overflow.
  std::optional<BufferPlace> add(const BufferType& type, std::uint64_t n_bytes);

  // The buffers, zeroed. kOutOfMemory.
  Result<std::vector<std::unique_ptr<Buffer>>> allocate() const;

 private:
  struct Pool {
    const BufferType* type;
    std::uint64_t n_bytes = 0;
  };
  std::vector<Pool> pools_;
};

}  // namespace eddy
