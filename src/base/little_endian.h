// Numbers as little-endian bytes, whatever the host's order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace eddy {

template <class T>
T load_le(const std::byte* from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(from[i]) << (8 * i)));
  }
  return value;
}

template <class T>
void store_le(std::byte* to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace eddy
