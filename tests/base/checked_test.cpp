// Checked arithmetic against 128-bit arithmetic, at the edges and at random.
#include "base/checked.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>
#include <vector>

namespace eddy {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> narrowed(Wide value) {
  return value > kMax ? std::nullopt : std::optional(static_cast<std::uint64_t>(value));
}

// Zero, the powers of two and what is next to them.
std::vector<std::uint64_t> edges() {
  std::vector<std::uint64_t> all = {0, kMax};
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    all.insert(all.end(), {power - 1, power, power + 1, kMax - power});
  }
  return all;
}

TEST(Checked, AddsAndMultipliesAtTheEdges) {
  for (const std::uint64_t a : edges()) {
    for (const std::uint64_t b : edges()) {
      ASSERT_EQ(checked_add(a, b), narrowed(Wide{a} + b)) << a << " + " << b;
      ASSERT_EQ(checked_mul(a, b), narrowed(Wide{a} * b)) << a << " * " << b;
    }
  }
}

TEST(Checked, AlignsAtTheEdges) {
  for (const std::uint64_t n : edges()) {
    for (int bit = 0; bit < 64; ++bit) {
      const std::uint64_t alignment = std::uint64_t{1} << bit;
      const Wide expected = (Wide{n} + alignment - 1) / alignment * alignment;
      ASSERT_EQ(checked_align(n, alignment), narrowed(expected)) << n << ", " << alignment;
    }
  }
}

TEST(Checked, AddsAndMultipliesAtRandom) {
  EXPECT_TRUE(rc::check([](std::uint64_t a, std::uint64_t b) {
    const int shift = *rc::gen::inRange(0, 64);
    a <<= shift;
    RC_ASSERT(checked_add(a, b) == narrowed(Wide{a} + b));
    RC_ASSERT(checked_mul(a, b) == narrowed(Wide{a} * b));
  }));
}

TEST(Checked, KnownValues) {
  EXPECT_EQ(checked_add(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_mul(std::uint64_t{1} << 32, std::uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_mul(0, kMax), 0u);
  EXPECT_EQ(checked_align(33, 32), 64u);
  EXPECT_EQ(checked_align(32, 32), 32u);
  EXPECT_EQ(checked_align(0, 32), 0u);
  EXPECT_EQ(checked_align(kMax, 32), std::nullopt);
}

}  // namespace
}  // namespace eddy
