// Takes numbers and ranges off the front of bytes, without ever passing their end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace eddy {

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() - position_; }

  // The next n bytes; nullopt if fewer are left.
  std::optional<std::span<const std::byte>> take(std::uint64_t n) {
    if (n > left()) return std::nullopt;
    const auto taken =
        bytes_.subspan(static_cast<std::size_t>(position_), static_cast<std::size_t>(n));
    position_ += n;
    return taken;
  }

  // The next little-endian number; nullopt if too few bytes are left.
  template <class T>
  std::optional<T> number() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    const auto taken = take(sizeof(T));
    if (!taken) return std::nullopt;
    T value;
    std::memcpy(&value, taken->data(), sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

}  // namespace eddy
