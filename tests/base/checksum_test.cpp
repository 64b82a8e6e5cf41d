#include "base/checksum.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/xxh3.h"

namespace eddy {
namespace {

std::vector<std::byte> numbered(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 256);
  return bytes;
}

// The values that XXH3's specification and other programs have: they are part of our formats.
TEST(Checksum, OfNothingIsXxh3s) {
  EXPECT_EQ(checksum64({}), 0x2d06800538d394c2);
  EXPECT_EQ(checksum128({}), (Digest128{.low = 0x6001c324468d497f, .high = 0x99aa06d3014798d8}));
}

TEST(Checksum, SeesEveryByte) {
  for (const std::size_t n : {1U, 3U, 16U, 17U, 128U, 240U, 241U, 1000U}) {
    std::vector<std::byte> bytes = numbered(n);
    const std::uint64_t sum = checksum64(bytes);
    const Digest128 digest = checksum128(bytes);
    for (std::byte& byte : bytes) {
      byte ^= std::byte{1};
      EXPECT_NE(checksum64(bytes), sum);
      EXPECT_NE(checksum128(bytes), digest);
      byte ^= std::byte{1};
    }
  }
}

TEST(Checksum, IsTheSameInPieces) {
  Checksum checksum;
  for (const std::size_t n : {0U, 1U, 17U, 240U, 241U, 1024U, 5000U}) {
    const std::vector<std::byte> bytes = numbered(n);
    for (const std::size_t cut : {std::size_t{0}, n / 3, n}) {
      checksum.reset();
      checksum.add(std::span(bytes).first(cut));
      checksum.add({});
      checksum.add(std::span(bytes).subspan(cut));
      EXPECT_EQ(checksum.sum128(), checksum128(bytes)) << n << ' ' << cut;
      EXPECT_EQ(checksum.sum64(), checksum64(bytes)) << n << ' ' << cut;
      EXPECT_EQ(checksum.sum128(), checksum128(bytes)) << "asked again";
    }
  }
}

// The plain one is the library's own; whole, and in pieces that end inside of its blocks.
TEST(Checksum, OfAvx2IsThePlainOne) {
  if (!avx2_xxh3()) GTEST_SKIP() << "not on this machine";
  for (const std::size_t n : {0U, 1U, 240U, 241U, 1024U, 1025U, 5000U, 100'000U}) {
    const std::vector<std::byte> bytes = numbered(n);
    EXPECT_EQ(avx2_xxh3()->sum64(bytes.data(), n), plain_xxh3().sum64(bytes.data(), n)) << n;
    std::uint64_t plain[2], avx2[2];
    plain_xxh3().sum128(bytes.data(), n, plain);
    avx2_xxh3()->sum128(bytes.data(), n, avx2);
    EXPECT_EQ(avx2[0], plain[0]) << n;
    EXPECT_EQ(avx2[1], plain[1]) << n;
    Checksum pieces;
    for (std::size_t at = 0; at < n; at += 777) {
      pieces.add(std::span(bytes).subspan(at, std::min<std::size_t>(777, n - at)));
    }
    EXPECT_EQ(pieces.sum128(), (Digest128{.low = plain[0], .high = plain[1]})) << n;
  }
}

}  // namespace
}  // namespace eddy
