#include "base/checksum.h"

#define XXH_INLINE_ALL  // no library to link, and none that users of libeddy must have
#include <xxhash.h>

namespace eddy {

std::uint64_t checksum64(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Digest128 checksum128(std::span<const std::byte> bytes) {
  const XXH128_hash_t digest = XXH3_128bits(bytes.data(), bytes.size());
  return {.low = digest.low64, .high = digest.high64};
}

struct Checksum128::State {
  XXH3_state_t xxh;
};

Checksum128::Checksum128() : state_(new State) {
  XXH3_INITSTATE(&state_->xxh);
  XXH3_128bits_reset(&state_->xxh);
}
Checksum128::~Checksum128() = default;

void Checksum128::add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size());
}

Digest128 Checksum128::digest() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(&state_->xxh);
  return {.low = digest.low64, .high = digest.high64};
}

}  // namespace eddy
