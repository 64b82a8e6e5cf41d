// What a GGUF file may hold, for the reader and the writer. The comments say which limits are the
// format's own; the others are ours, far above what models have, so that no file costs much memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "eddy/result.h"
#include "formats/gguf_value.h"

namespace eddy {

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";
inline constexpr std::uint64_t kGgufAlignment = 32;  // the format's, where the key is absent
inline constexpr std::uint64_t kGgufMinAlignment = 8;
inline constexpr std::uint64_t kGgufMaxAlignment = std::uint64_t{1} << 20;

// kMalformed: no power of two from 8 to 1 MiB.
Status gguf_check_alignment(std::uint64_t alignment);

// kMalformed, without the key: a string or array that is too long, an array of arrays, or one whose
// bytes are not those of its elements. For values that do not come from a file.
Status gguf_check_value(const GgufValue& value);

inline constexpr std::uint64_t kGgufMaxEntries = 8192;
inline constexpr std::uint64_t kGgufMaxTensors = 65536;
inline constexpr std::uint64_t kGgufMaxKeyBytes = 65535;                   // the format's
inline constexpr std::uint64_t kGgufMaxNameBytes = 63;                     // the format's
inline constexpr std::uint64_t kGgufMaxStringBytes = 16u << 20;            // of a value
inline constexpr std::uint64_t kGgufMaxElements = std::uint64_t{1} << 30;  // of an array
inline constexpr std::uint32_t kGgufMaxDims = 4;                           // the format's

}  // namespace eddy
