// Python's way to write bytes and texts.
#include "text/python_repr.h"

#include <gtest/gtest.h>

namespace eddy::test {
namespace {

TEST(PythonBytes, ReadsEachEscape) {
  EXPECT_EQ(bytes_of_repr(R"(\t\n\r\\\'\"\x00\xff\xFf)"), std::string("\t\n\r\\'\"\0\xFF\xFF", 9));
  EXPECT_EQ(bytes_of_repr("a b\xC3\xA9'\""), "a b\xC3\xA9'\"");
  EXPECT_EQ(bytes_of_repr("\\\\n"), "\\n");
  EXPECT_EQ(bytes_of_repr("\\x411"), "A1");
  EXPECT_EQ(bytes_of_repr(""), "");
}

TEST(PythonBytes, RefusesOtherEscapes) {
  for (const std::string_view text : {"\\", "a\\", "\\q", "\\x", "\\x4", "\\x4g", "\\xg4", "\\x 4",
                                      "\\x+4", "\\x-1", "\\u0041", "\\0", "\\X41"}) {
    EXPECT_EQ(bytes_of_repr(text), std::nullopt) << text;
  }
}

TEST(PythonTexts, ReadsCodePoints) {
  EXPECT_EQ(text_of_repr("a\\t\\\\"), "a\t\\");
  EXPECT_EQ(text_of_repr(R"(\x41\xe9\u20ac\U0001f600)"), "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  for (const std::string_view text : {"\\u123", "\\ud800", "\\U00110000", "\\q", "\\"}) {
    EXPECT_EQ(text_of_repr(text), std::nullopt) << text;
  }
}

TEST(PythonBytes, ReadsWhatItWrites) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes = {'a', static_cast<char>(byte), '4', '1'};
    EXPECT_EQ(bytes_of_repr(repr_of_bytes(bytes)), bytes) << byte;
  }
  EXPECT_EQ(repr_of_bytes("\t\n\r\\ ~\x7F\xC3"), "\\t\\n\\r\\\\ ~\\x7f\\xc3");
}

}  // namespace
}  // namespace eddy::test
