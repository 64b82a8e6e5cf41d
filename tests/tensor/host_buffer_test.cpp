#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "tensor/buffer.h"

namespace eddy {
namespace {

TEST(HostBuffer, IsAlignedZeroedAndAddressable) {
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{100'000}}) {
    const auto made = host_buffer_type().allocate(n);
    ASSERT_TRUE(made.ok());
    Buffer& buffer = **made;
    EXPECT_EQ(buffer.n_bytes(), n);
    EXPECT_EQ(&buffer.type(), &host_buffer_type());
    ASSERT_NE(buffer.host(), nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.host()) % host_buffer_type().alignment(), 0u);
    EXPECT_TRUE(std::all_of(buffer.host(), buffer.host() + n,
                            [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(HostBuffer, ReadsWritesAndZeroes) {
  const auto made = host_buffer_type().allocate(16);
  ASSERT_TRUE(made.ok());
  Buffer& buffer = **made;
  std::vector<std::byte> bytes(16);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  buffer.write(0, bytes);
  buffer.zero(4, 2);
  std::vector<std::byte> found(16);
  buffer.read(0, found);
  const int expected[] = {1, 2, 3, 4, 0, 0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(std::to_integer<int>(found[i]), expected[i]) << i;
}

TEST(HostBuffer, SaysWhatCannotBeHad) {
  for (const std::uint64_t n :
       {std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 60}) {
    const auto made = host_buffer_type().allocate(n);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code, ErrorCode::kOutOfMemory);
  }
}

}  // namespace
}  // namespace eddy
