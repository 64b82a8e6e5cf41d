// The kind of every code point, against the table that it was made from.
#include "text/char_kind.h"

#include <gtest/gtest.h>

#include "slow_regex.h"

namespace eddy::test {
namespace {

CharKind expected_kind(char32_t c) {
  if (is_white_space(c)) return CharKind::kSpace;
  switch (category(c)) {
    case 'L': return CharKind::kLetter;
    case 'M': return CharKind::kMark;
    case 'N': return CharKind::kNumber;
    case 'P': return CharKind::kPunctuation;
    case 'S': return CharKind::kSymbol;
    case 'Z': return CharKind::kSpace;
    default: return CharKind::kOther;
  }
}

TEST(CharKind, IsRightForEveryCodePoint) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    ASSERT_EQ(char_kind(c), expected_kind(c)) << std::hex << static_cast<std::uint32_t>(c);
  }
}

TEST(CharKind, KnowsTheVersionOfUnicode) {
  EXPECT_EQ(char_kind(0x2FFC), CharKind::kSymbol) << "15.1: an ideographic description character";
  EXPECT_EQ(char_kind(0x2EBF0), CharKind::kLetter) << "15.1: extension I";
  EXPECT_EQ(char_kind(0x1C89), CharKind::kOther) << "16.0: a Cyrillic letter";
}

TEST(CharKind, TakesWhatIsNoCodePoint) {
  EXPECT_EQ(char_kind(0x110000), CharKind::kOther);
  EXPECT_EQ(char_kind(0xFFFFFFFF), CharKind::kOther);
}

}  // namespace
}  // namespace eddy::test
