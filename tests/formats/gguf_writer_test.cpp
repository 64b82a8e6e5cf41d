// What is written, byte for byte, and what cannot be written.
#include "formats/gguf_writer.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/support/fails_with.h"
#include "formats/gguf.h"
#include "formats/support/built_file.h"
#include "formats/support/gguf_checks.h"

namespace eddy::test {
namespace {

constexpr ErrorCode kInvalidArgument = ErrorCode::kInvalidArgument;

class GgufWriterTest : public ::testing::Test {
 protected:
  Status write() {
    out.clear();
    return writer.write(
        [this](std::span<const std::byte> piece) -> Status {
          out.insert(out.end(), piece.begin(), piece.end());
          return {};
        },
        source);
  }

  // n_bytes of one value, in pieces of three.
  static GgufSource bytes_of(std::uint64_t n_bytes) {
    return [n_bytes](std::size_t, const GgufSink& sink) -> Status {
      const Bytes piece(3, std::byte{0xAB});
      for (std::uint64_t n = n_bytes; n > 0; n -= std::min<std::uint64_t>(n, 3)) {
        const Status status = sink(std::span(piece).first(std::min<std::size_t>(n, 3)));
        if (!status) return status;
      }
      return {};
    };
  }

  void expect_refused(std::initializer_list<std::string_view> parts) {
    EXPECT_TRUE(fails_with(write(), kInvalidArgument, parts));
    EXPECT_TRUE(out.empty());
  }

  GgufWriter writer;
  GgufSource source = bytes_of(0);
  Bytes out;
};

TEST_F(GgufWriterTest, AnEmptyFileIsItsHeadAndPadding) {
  ASSERT_TRUE(succeeds(write()));
  Bytes expected = BuiltFile().bytes();
  expected.resize(32);
  EXPECT_EQ(out, expected);
}

// The sample file, which is built byte by byte, comes out as it is, padded at its end.
TEST_F(GgufWriterTest, WritesTheSampleByteForByte) {
  Bytes expected = sample_file().bytes();
  const auto file = GgufFile::parse(expected, "sample");
  ASSERT_TRUE(succeeds(file));
  const auto written = rewrite(*file);
  ASSERT_TRUE(succeeds(written));
  // The sample has other bytes where the writer has zeros, between the data of two tensors.
  for (const std::size_t gap : {12U, 13U, 14U, 15U, 84U, 85U, 86U, 87U}) {
    expected[expected.size() - 100 + gap] = std::byte{0};
  }
  expected.resize((expected.size() + 7) / 8 * 8);
  EXPECT_EQ(*written, expected);
}

TEST_F(GgufWriterTest, ValuesHaveTheTypeOfTheirArguments) {
  writer.add("text", "one");
  writer.add("string", std::string("two"));
  writer.add("texts", std::vector<std::string>{"a", "", "c"});
  writer.add("bool", true);
  writer.add("u16", std::uint16_t{7});
  writer.add("f32", 0.5f);
  writer.add("f64", 0.5);
  writer.add("i32s", std::vector<std::int32_t>{-1, 1});
  writer.add("none", std::vector<float>{});
  ASSERT_TRUE(succeeds(write()));
  const BuiltFile expected{
      .entries = {text_entry("text", "one"), text_entry("string", "two"),
                  array_entry("texts", 8, 3, text_bytes({"a", "", "c"})),
                  number_entry("bool", 7, std::uint8_t{1}),
                  number_entry("u16", 2, std::uint16_t{7}), number_entry("f32", 6, 0.5f),
                  number_entry("f64", 12, 0.5),
                  array_entry("i32s", 5, 2, number_bytes<std::int32_t>({-1, 1})),
                  array_entry("none", 6, 0, {})}};
  Bytes bytes = expected.bytes();
  bytes.resize((bytes.size() + 31) / 32 * 32);
  EXPECT_EQ(out, bytes);
}

TEST_F(GgufWriterTest, WritesTheSameTwice) {
  writer.add("key", 1.0f);
  writer.add_tensor({.name = "one", .type = DType::kF16, .ne = {3}});
  source = bytes_of(6);
  ASSERT_TRUE(succeeds(write()));
  const Bytes first = out;
  ASSERT_TRUE(succeeds(write()));
  EXPECT_EQ(out, first);
}

TEST_F(GgufWriterTest, TheAlignmentIsThatOfItsKeyWhereverItIsAdded) {
  writer.add_tensor({.name = "one", .ne = {1}});
  writer.add_tensor({.name = "two", .ne = {1}});
  writer.add("general.alignment", std::uint32_t{8192});
  source = bytes_of(4);
  ASSERT_TRUE(succeeds(write()));
  EXPECT_EQ(out.size(), 3u * 8192);
  const auto file = GgufFile::parse(out, "m");
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(file->find_tensor("two")->data.data(), out.data() + 2 * 8192);
  EXPECT_EQ(broken_invariant(*file, out), "");
}

TEST_F(GgufWriterTest, RefusesKeys) {
  writer.add("", 1.0f);
  expect_refused({"key", "empty"});
  writer = {};
  writer.add(std::string(65536, 'k'), 1.0f);
  expect_refused({"key \"kkk", "65536 bytes", "65535"});
  writer = {};
  writer.add("same", 1.0f);
  writer.add("same", 2.0f);
  expect_refused({"key \"same\": added twice"});
  writer = {};
  writer.add(std::string(65535, 'k'), 1.0f);
  EXPECT_TRUE(succeeds(write()));
}

TEST_F(GgufWriterTest, RefusesAlignments) {
  for (const std::uint32_t alignment : {0u, 4u, 24u, 1u << 21}) {
    writer = {};
    writer.add("general.alignment", alignment);
    expect_refused({"general.alignment: " + std::to_string(alignment) + ", expected a power"});
  }
  writer = {};
  writer.add("general.alignment", std::uint64_t{32});
  expect_refused({"general.alignment", "u64, expected u32"});
}

TEST_F(GgufWriterTest, RefusesTensors) {
  const auto refused = [&](GgufTensorSpec spec, std::initializer_list<std::string_view> parts) {
    writer = {};
    writer.add_tensor(std::move(spec));
    expect_refused(parts);
  };
  refused({.name = "", .ne = {1}}, {"tensor", "empty"});
  refused({.name = std::string(64, 'n'), .ne = {1}}, {"tensor \"nnn", "64 bytes", "63"});
  refused({.name = "t", .ne = {}}, {"tensor \"t\": 0 extents"});
  refused({.name = "t", .ne = {1, 1, 1, 1, 1}}, {"tensor \"t\": 5 extents"});
  refused({.name = "t", .ne = {4, 0}}, {"tensor \"t\": extent 1: 0"});
  refused({.name = "t", .type = DType::kQ8_0, .ne = {33}}, {"tensor \"t\": rows of 33", "32"});
  refused({.name = "t", .ne = {std::numeric_limits<std::int64_t>::max()}}, {"2^63"});
}

TEST_F(GgufWriterTest, RefusesTheSameNameTwiceAndTooMuchData) {
  writer.add_tensor({.name = "t", .ne = {1}});
  writer.add_tensor({.name = "t", .ne = {1}});
  expect_refused({"tensor \"t\": added twice"});
  writer = {};
  for (const char* name : {"a", "b", "c"}) {
    writer.add_tensor({.name = name, .type = DType::kI8, .ne = {std::int64_t{1} << 62, 1}});
    writer.add_tensor({.name = name + std::string("2"), .type = DType::kI8, .ne = {1, 1}});
  }
  for (const char* name : {"d", "e"}) {
    writer.add_tensor({.name = name, .type = DType::kI8, .ne = {std::int64_t{1} << 62}});
  }
  expect_refused({"2^64"});
}

TEST_F(GgufWriterTest, RefusesValuesThatNoReaderTakes) {
  const Bytes bytes(16);
  const auto refused = [&](const GgufValue& value, std::initializer_list<std::string_view> parts) {
    writer = {};
    writer.add("k", value);
    expect_refused(parts);
  };
  refused(GgufArray{GgufType::kArray, 0, {}}, {"key \"k\"", "array of arrays"});
  refused(GgufArray{GgufType::kU32, 3, bytes}, {"key \"k\""});
  refused(GgufArray{GgufType::kU32, 5, bytes}, {"key \"k\""});
  refused(GgufArray{GgufType::kString, 1, bytes}, {"key \"k\""});
  refused(GgufArray{GgufType::kString, 3, bytes}, {"key \"k\""});
  refused(GgufArray{GgufType::kBool, 1, number_bytes<std::uint8_t>({2})}, {"key \"k\""});
  const std::string text((16u << 20) + 1, 'x');
  refused(std::string_view(text), {"key \"k\"", "16777217 bytes", "16777216"});
}

TEST_F(GgufWriterTest, RefusesMoreThanAFileMayHold) {
  for (int i = 0; i < 8192; ++i) writer.add("key" + std::to_string(i), true);
  ASSERT_TRUE(succeeds(write()));
  writer.add("one more", true);
  expect_refused({"more than 8192 keys"});
  writer = {};
  source = bytes_of(4);
  for (int i = 0; i < 65536; ++i) writer.add_tensor({.name = std::to_string(i), .ne = {1}});
  ASSERT_TRUE(succeeds(write()));
  writer.add_tensor({.name = "one more", .ne = {1}});
  expect_refused({"more than 65536 tensors"});
}

TEST_F(GgufWriterTest, TheFirstWrongThingIsTheError) {
  writer.add("", 1.0f);
  writer.add("same", 1.0f);
  writer.add("same", 1.0f);
  writer.add_tensor({.name = "", .ne = {1}});
  writer.add("right", 1.0f);
  expect_refused({"key that is empty"});
  expect_refused({"key that is empty"});
}

TEST_F(GgufWriterTest, CountsTheBytesOfTheSource) {
  writer.add_tensor({.name = "t\n", .ne = {3}});
  for (const std::uint64_t n : {0u, 1u, 11u}) {
    source = bytes_of(n);
    EXPECT_TRUE(fails_with(write(), kInvalidArgument,
                           {"tensor \"t\\x0a\": " + std::to_string(n) + " bytes, expected 12"}));
  }
  source = bytes_of(13);
  EXPECT_TRUE(fails_with(write(), kInvalidArgument, {"13 bytes or more, expected 12"}));
  source = bytes_of(12);
  EXPECT_TRUE(succeeds(write()));
}

TEST_F(GgufWriterTest, TheErrorsOfSourceAndSinkComeThrough) {
  writer.add_tensor({.name = "t", .ne = {3}});
  source = [](std::size_t, const GgufSink&) -> Status {
    return Error{ErrorCode::kNonFinite, "source"};
  };
  EXPECT_TRUE(fails_with(write(), ErrorCode::kNonFinite, {"source"}));
  source = bytes_of(12);
  for (int n_good = 0; n_good < 6; ++n_good) {
    int n_left = n_good;
    const auto sink = [&](std::span<const std::byte>) -> Status {
      if (n_left-- == 0) return Error{ErrorCode::kIo, "sink"};
      return {};
    };
    EXPECT_TRUE(fails_with(writer.write(sink, source), ErrorCode::kIo, {"sink"})) << n_good;
  }
}

// A source that does not look at what the sink says must not make a file with a hole.
TEST_F(GgufWriterTest, AnErrorThatTheSourceIgnoresIsAnError) {
  writer.add_tensor({.name = "t", .ne = {3}});
  const auto careless = [](std::size_t, const GgufSink& sink) -> Status {
    const Bytes piece(4);
    for (int i = 0; i < 3; ++i) (void)sink(piece);
    return {};
  };
  int n_pieces = 0;
  const auto sink = [&](std::span<const std::byte> piece) -> Status {
    if (piece.size() == 4 && n_pieces++ == 1) return Error{ErrorCode::kIo, "sink"};
    return {};
  };
  EXPECT_TRUE(fails_with(writer.write(sink, careless), ErrorCode::kIo, {"sink"}));
  EXPECT_EQ(n_pieces, 2);
}

}  // namespace
}  // namespace eddy::test
