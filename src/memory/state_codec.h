// Codecs of stored states: one serialised state (memory/state_format.h) made smaller, and back.
//
//   offset  bytes
//        0  8   "EDDYPACK"
//        8  4   version, 1
//       12  4   codec: 1 zstd, 2 int16, 3 int8
//       16  8   bytes of the state
//       24  8   bytes of the stream
//       32  n   the stream, as a frame of zstd (RFC 8878)
//   32 + n  8   XXH3 of everything before
//
// The stream is the state's header, then of each section its head and its payload in other words;
// the checksums of sections and the trailer are left out and made again. A payload is spelled in
// planes: the first bytes of all its groups of four, then the second ones, and so on, then what is
// left over. That is exact, and brings the exponents of numbers together.
//
// With int16 and int8, R in F32 becomes, for each block of 64 elements (the last may be shorter),
// an F32 scale, the largest magnitude over 32767 or 127; and for each element a whole number, to be
// multiplied by it; first all scales in planes of four, then all numbers, those of int16 in planes
// of two. An element is off by at most half a scale. S, K, V, and R of other types stay exact.
//
// The numbers are part of the format: never renumber.
//
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"

namespace eddy {

// Of one sequence's state; kNone gives it back as it is.
// kMalformed, kUnsupported: it is none (a dump of all sequences is not). kNonFinite: a number that
// would have to be rounded is none. kOutOfMemory.
Result<std::vector<std::byte>> encode_state(StateCodec codec, std::vector<std::byte> state);

// The state that was encoded; of kInt16 and kInt8 one near it. As RecurrentMemory::state_read()
// takes it, except that its origin is for the memory to check. A state that was not packed comes
// back as it is.
// kMalformed: cut, damaged, neither packed nor a state; kUnsupported: a later version or codec;
// kOutOfMemory.
Result<std::vector<std::byte>> decode_state(std::span<const std::byte> bytes);

}  // namespace eddy
