// Every code point, and what is none.
#include "text/utf8.h"

#include <gtest/gtest.h>

#include "slow_regex.h"

namespace eddy::test {
namespace {

TEST(Utf8, ReadsEveryCodePoint) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const std::string text = utf8({&c, 1});
    const Utf8Char read = first_utf8_char(text + "a");
    const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(read.code_point, is_surrogate ? kReplacement : c) << static_cast<std::uint32_t>(c);
    ASSERT_EQ(read.n_bytes, is_surrogate ? 1 : text.size()) << static_cast<std::uint32_t>(c);
  }
}

TEST(Utf8, TakesIllFormedBytesOneByOne) {
  using namespace std::string_view_literals;
  const std::string_view texts[] = {
      "\x80"sv,              // a continuation
      "\xC0\x80"sv,          // too long a form of U+0000
      "\xC1\xBF"sv,          // of U+007F
      "\xE0\x9F\xBF"sv,      // of U+07FF
      "\xF0\x8F\xBF\xBF"sv,  // of U+FFFF
      "\xF4\x90\x80\x80"sv,  // U+110000
      "\xF5\x80\x80\x80"sv,  // nothing starts with it
      "\xFF"sv,
      "\xC3"sv,  // cut short
      "\xE4\xB8"sv,
      "\xF0\x9F\x8E"sv,
      "\xE4\xB8 "sv,  // not continued
      "\xC3\xC3\xA9"sv,
  };
  for (const std::string_view text : texts) {
    const Utf8Char read = first_utf8_char(text);
    EXPECT_EQ(read.code_point, kReplacement) << text;
    EXPECT_EQ(read.n_bytes, 1) << text;
  }
}

}  // namespace
}  // namespace eddy::test
