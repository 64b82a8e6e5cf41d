#include "formats/cursor.h"

#include <gtest/gtest.h>

#include <vector>

#include "formats/support/built_file.h"

namespace eddy::test {
namespace {

TEST(Cursor, TakesNumbersOfAllKinds) {
  Bytes bytes;
  put_number(bytes, std::uint8_t{200});
  put_number(bytes, std::int16_t{-2});
  put_number(bytes, std::uint32_t{0x01020304});
  put_number(bytes, std::int64_t{-3});
  put_number(bytes, 1.5f);
  put_number(bytes, -0.25);
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.number<std::uint8_t>(), 200);
  EXPECT_EQ(cursor.number<std::int16_t>(), -2);
  EXPECT_EQ(cursor.position(), 3u);
  EXPECT_EQ(cursor.number<std::uint32_t>(), 0x01020304u);
  EXPECT_EQ(cursor.number<std::int64_t>(), -3);
  EXPECT_EQ(cursor.number<float>(), 1.5f);
  EXPECT_EQ(cursor.number<double>(), -0.25);
  EXPECT_EQ(cursor.left(), 0u);
  EXPECT_EQ(cursor.number<std::uint8_t>(), std::nullopt);
}

TEST(Cursor, NumbersAreLittleEndian) {
  const Bytes bytes = {std::byte{4}, std::byte{3}, std::byte{2}, std::byte{1}};
  EXPECT_EQ(Cursor(bytes).number<std::uint32_t>(), 0x01020304u);
}

TEST(Cursor, WhatDoesNotFitIsNotTaken) {
  const Bytes bytes(7);
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.number<std::uint64_t>(), std::nullopt);
  EXPECT_FALSE(cursor.take(8).has_value());
  EXPECT_FALSE(cursor.take(~std::uint64_t{0}).has_value());
  EXPECT_EQ(cursor.position(), 0u);
  ASSERT_TRUE(cursor.take(5).has_value());
  EXPECT_FALSE(cursor.take(3).has_value());
  EXPECT_FALSE(cursor.take(~std::uint64_t{0} - 4).has_value());
  EXPECT_EQ(cursor.number<std::uint32_t>(), std::nullopt);
  EXPECT_EQ(cursor.left(), 2u);
  EXPECT_EQ(cursor.number<std::uint16_t>(), 0);
  EXPECT_TRUE(cursor.take(0).has_value());
}

TEST(Cursor, RangesAreThoseOfTheBytes) {
  const Bytes bytes(10);
  Cursor cursor(bytes);
  const auto first = cursor.take(4);
  const auto second = cursor.take(6);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->data(), bytes.data());
  EXPECT_EQ(first->size(), 4u);
  EXPECT_EQ(second->data(), bytes.data() + 4);
  EXPECT_EQ(second->size(), 6u);
}

}  // namespace
}  // namespace eddy::test
