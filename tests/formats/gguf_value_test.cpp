// Values as other types: every integer type at its limits as every other, floats, arrays, texts.
#include "formats/gguf_value.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "base/support/fails_with.h"
#include "formats/support/built_file.h"

namespace eddy::test {
namespace {

__extension__ using SignedWide = __int128;

using Integers = std::tuple<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
                            std::int32_t, std::uint64_t, std::int64_t>;

template <class T>
constexpr SignedWide kLowest = std::numeric_limits<T>::min();
template <class T>
constexpr SignedWide kGreatest = std::numeric_limits<T>::max();

// The limits of all types, and what is next to them.
std::vector<SignedWide> edges() {
  std::vector<SignedWide> all;
  std::apply(
      [&]<class... T>(T...) {
        for (const SignedWide step : {-1, 0, 1}) {
          (all.insert(all.end(), {kLowest<T> + step, kGreatest<T> + step}), ...);
        }
      },
      Integers());
  return all;
}

template <class To, class From>
void check_conversion(From number) {
  const auto converted = gguf_value_as<To>(GgufValue(number));
  const bool fits = number >= kLowest<To> && number <= kGreatest<To>;
  if (fits) {
    ASSERT_TRUE(succeeds(converted));
    ASSERT_EQ(SignedWide{*converted}, SignedWide{number});
  } else {
    ASSERT_TRUE(fails_with(
        converted, ErrorCode::kMalformed,
        {std::to_string(number) + ", expected", std::to_string(std::numeric_limits<To>::max())}));
  }
}

template <class From>
void check_all_conversions() {
  for (const SignedWide edge : edges()) {
    if (edge < kLowest<From> || edge > kGreatest<From>) continue;
    const auto number = static_cast<From>(edge);
    check_conversion<std::int32_t>(number);
    check_conversion<std::uint32_t>(number);
    check_conversion<std::int64_t>(number);
    check_conversion<std::uint64_t>(number);
  }
}

TEST(GgufValue, IntegersFromIntegersInRange) {
  std::apply([]<class... T>(T...) { (check_all_conversions<T>(), ...); }, Integers());
}

TEST(GgufValue, FloatsFromFloats) {
  EXPECT_EQ(*gguf_value_as<float>(GgufValue(1.5f)), 1.5f);
  EXPECT_EQ(*gguf_value_as<double>(GgufValue(0.1)), 0.1);
  EXPECT_EQ(*gguf_value_as<double>(GgufValue(0.1f)), double{0.1f});
  EXPECT_EQ(*gguf_value_as<float>(GgufValue(0.1)), 0.1f);
  EXPECT_EQ(*gguf_value_as<float>(GgufValue(1e-300)), 0.0f);
}

TEST(GgufValue, FloatsThatAreNoNumbersStaySo) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(*gguf_value_as<float>(GgufValue(std::nan("")))));
  EXPECT_EQ(*gguf_value_as<float>(GgufValue(double{infinity})), infinity);
  EXPECT_EQ(*gguf_value_as<double>(GgufValue(-infinity)), -double{infinity});
}

TEST(GgufValue, ADoubleBeyondFloatIsNoFloat) {
  const double greatest = double{std::numeric_limits<float>::max()};
  EXPECT_EQ(*gguf_value_as<float>(GgufValue(greatest)), std::numeric_limits<float>::max());
  EXPECT_EQ(*gguf_value_as<float>(GgufValue(-greatest)), std::numeric_limits<float>::lowest());
  for (const double number : {greatest * 1.0001, -greatest * 1.0001, 1e300}) {
    EXPECT_TRUE(fails_with(gguf_value_as<float>(GgufValue(number)), ErrorCode::kMalformed,
                           {"expected at"}));
    EXPECT_EQ(*gguf_value_as<double>(GgufValue(number)), number);
  }
}

// One value of each type, in order of GgufType.
const std::vector<GgufValue> kOneOfEach = {
    std::uint8_t{1},
    std::int8_t{1},
    std::uint16_t{1},
    std::int16_t{1},
    std::uint32_t{1},
    std::int32_t{1},
    1.0f,
    true,
    std::string_view("text"),
    GgufArray{GgufType::kU16, 0, {}},
    std::uint64_t{1},
    std::int64_t{1},
    1.0,
};

template <class T>
void expect_from(std::string_view expected_text, std::initializer_list<int> types) {
  EXPECT_EQ(gguf_expected_text<T>(), expected_text);
  for (int type = 0; type < static_cast<int>(kGgufTypeCount); ++type) {
    const GgufValue& value = kOneOfEach[static_cast<std::size_t>(type)];
    const auto converted = gguf_value_as<T>(value);
    if (std::ranges::find(types, type) != types.end()) {
      EXPECT_TRUE(succeeds(converted)) << type;
    } else {
      EXPECT_TRUE(fails_with(converted, ErrorCode::kMalformed,
                             {gguf_type_text(value) + ", expected " + std::string(expected_text)}));
    }
  }
}

TEST(GgufValue, EachTypeFromItsOwnKindAlone) {
  const std::initializer_list<int> integers = {0, 1, 2, 3, 4, 5, 10, 11};
  expect_from<bool>("bool", {7});
  expect_from<std::int32_t>("i32", integers);
  expect_from<std::uint32_t>("u32", integers);
  expect_from<std::int64_t>("i64", integers);
  expect_from<std::uint64_t>("u64", integers);
  expect_from<float>("f32 or f64", {6, 12});
  expect_from<double>("f32 or f64", {6, 12});
  expect_from<std::string_view>("string", {8});
  expect_from<std::vector<std::uint32_t>>("array of u32", {9});
  expect_from<std::vector<std::string_view>>("array of string", {9});
  expect_from<std::vector<float>>("array of f32 or f64", {9});
}

GgufValue array_of(GgufType type, std::uint64_t n, std::span<const std::byte> bytes) {
  return GgufArray{type, n, bytes};
}

TEST(GgufValue, ArraysAreConvertedByElement) {
  const Bytes shorts = number_bytes<std::int16_t>({-2, 0, 30'000});
  const GgufValue value = array_of(GgufType::kI16, 3, shorts);
  EXPECT_EQ(*gguf_value_as<std::vector<std::int64_t>>(value),
            (std::vector<std::int64_t>{-2, 0, 30'000}));
  EXPECT_TRUE(fails_with(gguf_value_as<std::vector<std::uint64_t>>(value), ErrorCode::kMalformed,
                         {"element 0: -2, expected 0 .. 18446744073709551615"}));
  EXPECT_TRUE(fails_with(gguf_value_as<std::vector<float>>(value), ErrorCode::kMalformed,
                         {"element 0: i16, expected f32 or f64"}));
}

TEST(GgufValue, ArraysOfEveryTypeAreRead) {
  std::apply(
      [&]<class... T>(T...) {
        const auto check = [&]<class U>(U) {
          Bytes bytes = {std::byte{0}};  // elements need not be aligned
          for (const U number : {U{1}, U{2}, U{3}}) put_number(bytes, number);
          const GgufValue value = array_of(gguf_type(U{}), 3, std::span(bytes).subspan(1));
          EXPECT_EQ(*gguf_value_as<std::vector<std::uint64_t>>(value),
                    (std::vector<std::uint64_t>{1, 2, 3}));
        };
        (check(T{}), ...);
      },
      Integers());
  const Bytes floats = number_bytes<float>({1.5f, -2.0f});
  EXPECT_EQ(*gguf_value_as<std::vector<double>>(array_of(GgufType::kF32, 2, floats)),
            (std::vector{1.5, -2.0}));
  const Bytes doubles = number_bytes<double>({1.5, 1e300});
  EXPECT_TRUE(fails_with(gguf_value_as<std::vector<float>>(array_of(GgufType::kF64, 2, doubles)),
                         ErrorCode::kMalformed, {"element 1: "}));
  const Bytes texts = text_bytes({"a", "", std::string("\0b", 2)});
  EXPECT_EQ(*gguf_value_as<std::vector<std::string_view>>(array_of(GgufType::kString, 3, texts)),
            (std::vector<std::string_view>{"a", "", std::string_view("\0b", 2)}));
}

TEST(GgufValue, TypesHaveNamesAndSizes) {
  const std::pair<const char*, std::uint64_t> expected[] = {
      {"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
      {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8}};
  for (std::uint32_t id = 0; id < kGgufTypeCount; ++id) {
    const auto type = static_cast<GgufType>(id);
    EXPECT_EQ(gguf_type_name(type), expected[id].first);
    EXPECT_EQ(gguf_type_bytes(type), expected[id].second);
    EXPECT_EQ(gguf_type(kOneOfEach[id]), type);
    if (type != GgufType::kArray) {
      EXPECT_EQ(gguf_type_text(kOneOfEach[id]), expected[id].first);
    }
  }
  EXPECT_EQ(gguf_type_text(kOneOfEach[9]), "array of u16");
}

TEST(Printable, EscapesAndCuts) {
  EXPECT_EQ(printable("blk.0.ssm_in.weight"), "blk.0.ssm_in.weight");
  EXPECT_EQ(printable(std::string_view("a\0\n\x7F\xFF~ ", 7)), "a\\x00\\x0a\\x7f\\xff~ ");
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(printable(std::string(81, 'x')), std::string(80, 'x') + "...");
}

}  // namespace
}  // namespace eddy::test
