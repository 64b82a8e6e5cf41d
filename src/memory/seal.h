// Sealing: bytes that nobody can read, or change unnoticed, without a key (libsodium's
// XChaCha20-Poly1305).
//
//   offset  bytes
//        0  8      "EDDYSEAL"
//        8  8      version, 1
//       16  24     nonce
//       40  n      the bytes, enciphered
//   40 + n  16     tag over all of it
//
// The nonce is a keyed hash (BLAKE2b) of the bytes: equal bytes are sealed equally under one key,
// so that a store still keeps them once. Whoever sees the sealed bytes learns their length and
// whether two are equal, and no more. Part of the format: never renumber.
//
// Threading: values; a key is constant.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "eddy/result.h"

namespace eddy {

inline constexpr std::size_t kSealKeyBytes = 32;    // the fewest of a key file
inline constexpr std::size_t kSealExtraBytes = 56;  // a sealed text is longer by so many

class SealKey {
 public:
  // From the bytes of a file, all of which count. They should be random (32 bytes of /dev/urandom):
  // a password is too weak. kMalformed: too few; kNotFound, kIo.
  static Result<SealKey> read(FileSystem& fs, const std::string& path);
  static Result<SealKey> from_bytes(std::span<const std::byte> bytes);

 private:
  friend std::vector<std::byte> seal(const SealKey&, std::span<const std::byte>);
  friend Result<std::vector<std::byte>> unseal(const SealKey&, std::span<const std::byte>);
  struct Secret;  // wiped when the last copy of the key goes
  explicit SealKey(std::shared_ptr<const Secret> secret) : secret_(std::move(secret)) {}

  std::shared_ptr<const Secret> secret_;
};

std::vector<std::byte> seal(const SealKey& key, std::span<const std::byte> bytes);

// kMismatch: they are not sealed, or by a later version; kMalformed: sealed with another key, or
// changed since.
Result<std::vector<std::byte>> unseal(const SealKey& key, std::span<const std::byte> sealed);

bool is_sealed(std::span<const std::byte> bytes);

}  // namespace eddy
