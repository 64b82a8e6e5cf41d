// How rows of a state are spelled in memory/state_codec.h, which has the format: in planes, and
// rounded to whole numbers.
//
// Whole is std::int16_t or std::int8_t. Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eddy/result.h"

namespace eddy {

inline constexpr std::size_t kPlanes = 4;        // of whatever is not known better
inline constexpr std::size_t kScaledElems = 64;  // elements that share a scale

// Appends the bytes, sorted by their place in groups of n.
void split_planes(std::span<const std::byte> bytes, std::size_t n, std::vector<std::byte>& out);

// The inverse. Precondition: `planes` and `to` have as many bytes.
void join_planes(std::span<const std::byte> planes, std::size_t n, std::span<std::byte> to);

// Bytes of a row of n_elems when rounded.
template <class Whole>
constexpr std::size_t n_rounded_bytes(std::size_t n_elems) {
  return (n_elems + kScaledElems - 1) / kScaledElems * sizeof(float) + n_elems * sizeof(Whole);
}

// Appends a row of F32. kNonFinite.
template <class Whole>
Status round_row(std::span<const std::byte> elements, std::vector<std::byte>& out);

// The row again, finite numbers. Precondition: `spelled` has n_rounded_bytes() of the elements in
// `to`. kMalformed: a scale that is no number.
template <class Whole>
Status unround_row(std::span<const std::byte> spelled, std::span<std::byte> to);

}  // namespace eddy
