// Bytes to the checked tables of one GGUF file. The readers' class is GgufFile.
//
// A file is refused unless all of this holds:
//   the header      magic GGUF; version 2 or 3, little-endian; counts that fit into the bytes left
//   keys            1 to 65535 bytes, no two the same
//   values          a known type; arrays not of arrays; strings and arrays inside the file; bools 0
//                   or 1
//   the alignment   u32, a power of two from 8 to 1 MiB
//   tensor names    1 to 63 bytes, no two the same
//   shapes          see gguf_tensor_bytes
//   types           known
//   offsets         each tensor starts where the one before it ends, rounded up to the alignment
//   data            inside the file
//   limits          gguf_limits.h
// A count is compared with the bytes left before memory is taken for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eddy/result.h"
#include "formats/gguf.h"

namespace eddy {

struct GgufTables {
  std::uint32_t version = 0;
  std::uint64_t alignment = 0;
  std::vector<GgufEntry> entries;
  std::vector<GgufTensor> tensors;
};

// kMalformed; kUnsupported: a version, byte order or tensor type that is not known. Does not look
// for keys and names that are there twice: GgufFile does, of all parts together.
Result<GgufTables> parse_gguf(std::span<const std::byte> bytes);

}  // namespace eddy
