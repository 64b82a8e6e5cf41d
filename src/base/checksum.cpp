#include "base/checksum.h"

#include <new>

#include "base/xxh3-inl.h"

namespace eddy {

#ifdef EDDY_XXH3_AVX2
extern const Xxh3 kXxh3Avx2;  // xxh3_avx2.cpp
#endif

const Xxh3& plain_xxh3() { return kXxh3Here; }

const Xxh3* avx2_xxh3() {
#ifdef EDDY_XXH3_AVX2
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return &kXxh3Avx2;
#endif
  return nullptr;
}

namespace {

const Xxh3& best_xxh3() { return avx2_xxh3() ? *avx2_xxh3() : plain_xxh3(); }

}  // namespace

std::uint64_t checksum64(std::span<const std::byte> bytes) {
  return best_xxh3().sum64(bytes.data(), bytes.size());
}

Digest128 checksum128(std::span<const std::byte> bytes) {
  std::uint64_t sum[2];
  best_xxh3().sum128(bytes.data(), bytes.size(), sum);
  return {.low = sum[0], .high = sum[1]};
}

struct Checksum::State {
  XXH3_state_t xxh;
};

Checksum::Checksum() : state_(new State) {
  XXH3_INITSTATE(&state_->xxh);
  reset();
}
Checksum::~Checksum() = default;

void Checksum::reset() { XXH3_128bits_reset(&state_->xxh); }

void Checksum::add(std::span<const std::byte> bytes) {
  if (!bytes.empty()) best_xxh3().add(&state_->xxh, bytes.data(), bytes.size());
}

// Both widths are made of the same sums.
std::uint64_t Checksum::sum64() const { return XXH3_64bits_digest(&state_->xxh); }

Digest128 Checksum::sum128() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(&state_->xxh);
  return {.low = digest.low64, .high = digest.high64};
}

}  // namespace eddy
