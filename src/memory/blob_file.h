// The files in which a DirStore keeps states: a header that says what the file is, then the bytes
// as they came.
//
//   offset  bytes
//        0  8      "EDDYBLOB"
//        8  4      version, 1
//       12  4      flags: 1 pinned
//       16  8      n, the bytes of the content
//       24  16     XXH3-128 of the content, the low half first; the file's name, high half first
//       40  16     model identity
//       56  8      position: tokens that led to the state
//       64  8      when it was written, microseconds since 1970
//       72  4      n_name, 1 .. 255
//       76  255    the name under which it was put first, then zeros
//      376  8      XXH3 of the header up to here
//      384  n      the content
//
// All numbers are little-endian. Part of the format: never renumber. The catalogue is the truth
// about names; a header's name, position and time serve to make a lost catalogue anew.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "eddy/result.h"
#include "memory/state_store.h"

namespace eddy {

inline constexpr std::size_t kBlobHeaderBytes = 384;

std::array<std::byte, kBlobHeaderBytes> encode_blob_header(const StateEntry& entry);

struct Blob {
  StateEntry entry;                    // last_use_us is when it was written
  std::span<const std::byte> content;  // borrowed
};

// Checks everything, the content too. kMalformed; kUnsupported: a later version.
Result<Blob> parse_blob(std::span<const std::byte> file);

// "0123...cdef.state", 32 digits.
std::string blob_name(const Digest128& digest);
bool is_blob_name(std::string_view name);

}  // namespace eddy
