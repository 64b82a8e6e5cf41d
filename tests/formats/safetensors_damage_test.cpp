// A small file cut at every byte, with every bit flipped and every byte replaced: it is refused, or
// what was read keeps the invariants.
#include <gtest/gtest.h>

#include "formats/safetensors.h"
#include "formats/support/built_safetensors.h"
#include "formats/support/safetensors_checks.h"

namespace eddy::test {
namespace {

// Whether the bytes are accepted. They are copied, so that a sanitizer sees each byte past the end.
bool is_accepted(std::string_view text) {
  const Bytes copy = bytes_of_text(text);
  const auto file = Safetensors::parse(copy, "damaged");
  if (file) {
    EXPECT_EQ(broken_invariant(*file, copy), "");
    return true;
  }
  const ErrorCode code = file.error().code;
  EXPECT_TRUE(code == ErrorCode::kMalformed || code == ErrorCode::kUnsupported);
  EXPECT_TRUE(file.error().message.starts_with("damaged: ")) << file.error().message;
  return false;
}

TEST(SafetensorsDamage, EveryTruncationIsRefused) {
  const std::string text = sample_safetensors();
  ASSERT_TRUE(is_accepted(text));
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(is_accepted(text.substr(0, n))) << n;
}

TEST(SafetensorsDamage, EveryFlippedBitIsRefusedOrKeepsTheInvariants) {
  std::string text = sample_safetensors();
  int n_accepted = 0;
  for (std::size_t i = 0; i < 8 * text.size(); ++i) {
    const auto bit = static_cast<char>(1u << i % 8);
    text[i / 8] = static_cast<char>(text[i / 8] ^ bit);
    n_accepted += is_accepted(text);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "bit " << i;
    text[i / 8] = static_cast<char>(text[i / 8] ^ bit);
  }
  EXPECT_GT(n_accepted, 8 * 20);  // those of the data, at least
  EXPECT_LT(n_accepted, 8 * static_cast<int>(text.size()));
}

TEST(SafetensorsDamage, EveryReplacedByteIsRefusedOrKeepsTheInvariants) {
  const std::string right = sample_safetensors();
  for (std::size_t i = 0; i < right.size(); ++i) {
    for (const char c : std::string("{}[]\",:0919-e \\\0\xFF", 18)) {
      std::string text = right;
      text[i] = c;
      is_accepted(text);
      text.insert(i, 1, c);
      is_accepted(text);
      ASSERT_FALSE(::testing::Test::HasFailure()) << i << c;
    }
  }
}

}  // namespace
}  // namespace eddy::test
