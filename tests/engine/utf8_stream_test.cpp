#include "engine/utf8_stream.h"

#include <gtest/gtest.h>

#include <random>

namespace eddy {
namespace {

std::string through(std::string_view bytes, std::size_t piece) {
  Utf8Stream stream;
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += piece) {
    stream.push(bytes.substr(i, piece), out);
    EXPECT_TRUE(is_utf8(out));
  }
  stream.finish(out);
  return out;
}

TEST(Utf8Stream, WellFormedTextPassesUnchangedInPiecesOfAnySize) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82 z";  // 1, 2, 3 and 4 bytes
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(through(text, piece), text);
}

TEST(Utf8Stream, HoldsBackAnUnfinishedCodePoint) {
  Utf8Stream stream;
  std::string out;
  stream.push("\xF0\x9F\x99", out);
  EXPECT_EQ(out, "");
  stream.push("\x82", out);
  EXPECT_EQ(out, "\xF0\x9F\x99\x82");
}

TEST(Utf8Stream, IllFormedRunsBecomeOneReplacementEach) {
  const std::string r = "\xEF\xBF\xBD";
  // The table of the Unicode standard, section 3.9, "U+FFFD substitution of maximal subparts".
  EXPECT_EQ(through("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", 1),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(through("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", 1),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(through("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", 1),
            r + r + r + r + r + "A" + r + r + "B");
  EXPECT_EQ(through("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 1), r + r + r + r + "A");
}

TEST(Utf8Stream, RandomBytesGiveUtf8AndTheCutDoesNotMatter) {
  std::mt19937 rng(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    // Bytes from 0x70 up: leads and continuations in every combination.
    for (std::size_t n = rng() % 12; n > 0; --n) bytes += static_cast<char>(0x70 + rng() % 0x90);
    const std::string whole = through(bytes, bytes.size() + 1);
    ASSERT_TRUE(is_utf8(whole));
    ASSERT_EQ(through(bytes, 1), whole);
    ASSERT_EQ(through(bytes, 3), whole);
  }
}

}  // namespace
}  // namespace eddy
