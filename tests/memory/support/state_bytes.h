// Serialised states as tests forge them: fields set by offset, checksums made good again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/little_endian.h"
#include "memory/state_format.h"

namespace eddy::test {

// Computes all checksums anew, as far as the bytes can be walked as sections.
inline void reseal(std::span<std::byte> bytes) {
  if (bytes.size() < kHeaderBytes + kTrailerBytes) return;
  store_le(bytes.data() + kHeaderSumAt, checksum64(bytes.first(kHeaderSumAt)));
  const std::size_t end = bytes.size() - kTrailerBytes;
  std::size_t at = kHeaderBytes;
  while (end - at >= kSectionExtraBytes) {
    const auto n_payload = load_le<std::uint64_t>(bytes.data() + at + 8);
    if (n_payload > end - at - kSectionExtraBytes) break;
    const std::size_t n = kSectionHeadBytes + n_payload;
    store_le(bytes.data() + at + n, checksum64(bytes.subspan(at, n)));
    at += n + kSumBytes;
  }
  const Digest128 digest = checksum128(bytes.first(end));
  store_le(bytes.data() + end, digest.low);
  store_le(bytes.data() + end + 8, digest.high);
}

// [offset, size) of each section.
inline std::vector<std::pair<std::size_t, std::size_t>> sections(std::span<const std::byte> bytes) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t at = kHeaderBytes; at + kTrailerBytes < bytes.size();) {
    const auto n = load_le<std::uint64_t>(bytes.data() + at + 8) + kSectionExtraBytes;
    out.emplace_back(at, n);
    at += n;
  }
  return out;
}

}  // namespace eddy::test
