// XXH3: the checksums of saved states and sessions, and the digest of a model. Not cryptographic:
// they find damage, not malice. The values are part of the formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace eddy {

struct Digest128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const Digest128&) const = default;
};

std::uint64_t checksum64(std::span<const std::byte> bytes);
Digest128 checksum128(std::span<const std::byte> bytes);

// Both of bytes that come in pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();

  void reset();  // of nothing again
  void add(std::span<const std::byte> bytes);
  std::uint64_t sum64() const;
  Digest128 sum128() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace eddy
