// Arithmetic on sizes that come from outside: nullopt where the true result does not fit.
#pragma once

#include <cstdint>
#include <optional>

namespace eddy {

inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t r;
  return __builtin_add_overflow(a, b, &r) ? std::nullopt : std::optional(r);
}

inline std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  std::uint64_t r;
  return __builtin_mul_overflow(a, b, &r) ? std::nullopt : std::optional(r);
}

// The smallest multiple of `alignment` (a power of two) that is at least n.
inline std::optional<std::uint64_t> checked_align(std::uint64_t n, std::uint64_t alignment) {
  const auto sum = checked_add(n, alignment - 1);
  return sum ? std::optional(*sum & ~(alignment - 1)) : std::nullopt;
}

}  // namespace eddy
