// The values of GGUF metadata: views into the bytes of a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "eddy/result.h"

namespace eddy {

// Part of the format, never renumber.
enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr std::uint32_t kGgufTypeCount = 13;

// "u32", "string", "array", ...
std::string_view gguf_type_name(GgufType type);

// The bytes of one value; 0 for strings and arrays, whose values have no common size.
std::uint64_t gguf_type_bytes(GgufType type);

// The elements of an array, as they lie in the file: little-endian, without gaps and unaligned; a
// string is its u64 length and its bytes. The parser has checked that all of them lie in `bytes`.
struct GgufArray {
  GgufType type = GgufType::kU8;  // of the elements; never kArray
  std::uint64_t size = 0;         // elements
  std::span<const std::byte> bytes;
};

// The alternative's index is the GgufType. A string is any bytes, not only UTF-8.
using GgufValue = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                               std::uint32_t, std::int32_t, float, bool, std::string_view,
                               GgufArray, std::uint64_t, std::int64_t, double>;
static_assert(std::variant_size_v<GgufValue> == kGgufTypeCount);

inline GgufType gguf_type(const GgufValue& value) { return static_cast<GgufType>(value.index()); }

// "u32", or "array of string".
std::string gguf_type_text(const GgufValue& value);

// The value as a T: an integer from any integer type that holds a number which T can hold, float
// and double from both, bool and std::string_view from their own; std::vector<T> from an array of
// what makes a T. The views live as long as the file. The error says found and expected, without
// the key.
//
// Available for bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float, double,
// std::string_view and vectors of these except bool. kMalformed.
template <class T>
Result<T> gguf_value_as(const GgufValue& value);

// What a get of T expects, as messages say it: "u32", "array of string". For the same T.
template <class T>
std::string gguf_expected_text();

// A name or key from a file as one line of printable text, cut at 80 bytes: for messages.
std::string printable(std::string_view text);

}  // namespace eddy
