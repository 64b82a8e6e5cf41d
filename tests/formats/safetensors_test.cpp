// Safetensors files: what is read, and what is refused with which words.
#include "formats/safetensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/support/allocation_meter.h"
#include "base/support/fails_with.h"
#include "base/support/file_world.h"
#include "formats/support/built_safetensors.h"

namespace eddy::test {
namespace {

using Shape = std::vector<std::int64_t>;

std::string_view text_of(const SafeTensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size()};
}

TEST(Safetensors, ReadsTensorsInOrderOfTheirData) {
  const Bytes bytes = bytes_of_text(sample_safetensors());
  const auto file = Safetensors::parse(bytes, "m");
  ASSERT_TRUE(succeeds(file));
  ASSERT_EQ(file->tensors().size(), 3u);
  EXPECT_EQ(file->tensors()[0].name, "a");
  const SafeTensor* b = file->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b, &file->tensors()[1]);
  EXPECT_EQ(b->type, SafeType::kBF16);
  EXPECT_EQ(b->shape, (Shape{2, 3}));
  EXPECT_EQ(text_of(*b), "890123456789");
  EXPECT_EQ(file->find("none")->shape, (Shape{0, 4}));
  EXPECT_EQ(text_of(*file->find("none")), "");
  EXPECT_EQ(file->find("c"), nullptr);
  EXPECT_EQ(file->find("__metadata__"), nullptr);
}

TEST(Safetensors, KnowsEachType) {
  for (const auto& [name, n] : std::vector<std::pair<std::string, std::size_t>>{{"BOOL", 1},
                                                                                {"U8", 1},
                                                                                {"I8", 1},
                                                                                {"F8_E4M3", 1},
                                                                                {"F8_E5M2", 1},
                                                                                {"U16", 2},
                                                                                {"I16", 2},
                                                                                {"F16", 2},
                                                                                {"BF16", 2},
                                                                                {"U32", 4},
                                                                                {"I32", 4},
                                                                                {"F32", 4},
                                                                                {"U64", 8},
                                                                                {"I64", 8},
                                                                                {"F64", 8}}) {
    const Bytes bytes = bytes_of_text(safetensors_text(
        fmt::format(R"({{"a":{{"dtype":"{}","shape":[],"data_offsets":[0,{}]}}}})", name, n),
        std::string(n, 'x')));
    const auto file = Safetensors::parse(bytes, "m");
    ASSERT_TRUE(succeeds(file)) << name;
    EXPECT_EQ(safe_type_info(file->tensors()[0].type).name, name);
  }
}

TEST(Safetensors, MayHoldNothing) {
  const Bytes bytes = bytes_of_text(safetensors_text("{}", ""));
  EXPECT_TRUE(succeeds(Safetensors::parse(bytes, "m")));
}

// The header of one tensor "a" with these fields, over 8 bytes of data.
std::string with_fields(const std::string& fields) {
  return safetensors_text("{\"a\":{" + fields + "}}", "01234567");
}

void expect_refused(const std::string& text, std::string_view message,
                    ErrorCode code = ErrorCode::kMalformed) {
  const Bytes bytes = bytes_of_text(text);
  EXPECT_TRUE(fails_with(Safetensors::parse(bytes, "m"), code, {"m: ", message})) << text;
}

TEST(Safetensors, RefusesWrongHeaders) {
  expect_refused("", "0 bytes, expected 8");
  expect_refused("1234567", "7 bytes, expected 8");
  expect_refused(std::string(8, '\0'), "header of 0 bytes, expected 2 .. 100000000");
  expect_refused(std::string(8, '\xFF'), "header of 18446744073709551615 bytes, expected 2");
  expect_refused(safetensors_text("{}", "").substr(0, 9), "header of 2 bytes, but only 1 follow");
  expect_refused(safetensors_text("{} x", ""), "header: no JSON at byte 4");
  expect_refused(safetensors_text("{\"a\":", ""), "header: no JSON at byte 6");
  expect_refused(safetensors_text("{\"\xFF\":1}", ""), "no JSON");
  expect_refused(safetensors_text("[]", ""), "header: an array, expected an object");
  expect_refused(safetensors_text("{\"a\":1}", ""), "a: a number, expected an object");
  expect_refused(safetensors_text("{\"a\":[[[[", ""), "a: an array, expected an object");
  expect_refused(safetensors_text(R"({"__metadata__":[]})", ""),
                 "__metadata__: an array, expected an object");
  expect_refused(safetensors_text(R"({"__metadata__":{"a":1}})", ""),
                 "__metadata__: a number, expected a text");
  expect_refused(safetensors_text(R"({"__metadata__":{},"__metadata__":{}})", ""),
                 "__metadata__: there twice");
  const std::string deep(1000000, '[');
  expect_refused(safetensors_text(deep, ""), "an array, expected an object");
  expect_refused(safetensors_text("{\"a\":" + deep, ""), "an array, expected an object");
}

TEST(Safetensors, RefusesWrongFields) {
  const std::string type = R"("dtype":"F32")", shape = R"("shape":[2])";
  const std::string offsets = R"("data_offsets":[0,8])";
  const std::string right = type + "," + shape + "," + offsets;
  const Bytes bytes = bytes_of_text(with_fields(right));
  ASSERT_TRUE(succeeds(Safetensors::parse(bytes, "m")));
  expect_refused(with_fields(""), "a: 0 of dtype, shape and data_offsets, expected all three");
  expect_refused(with_fields(type + "," + shape), "a: 2 of dtype");
  expect_refused(with_fields(right + "," + type), "a: dtype there twice");
  expect_refused(with_fields(right + "," + offsets), "a: data_offsets there twice");
  expect_refused(with_fields(right + R"(,"x":1)"), "a: \"x\", expected dtype, shape or");
  expect_refused(with_fields(R"("dtype":1)"), "a: dtype: a number, expected a text");
  expect_refused(with_fields(R"("dtype":"F31")"), "a: dtype \"F31\" is not known",
                 ErrorCode::kUnsupported);
  expect_refused(with_fields(R"("shape":2)"), "a: shape: a number, expected an array");
  expect_refused(with_fields(R"("shape":[-1])"), "a: shape: a number below 0");
  expect_refused(with_fields(R"("shape":[1.5])"), "a: shape: a number that is no integer");
  expect_refused(with_fields(R"("shape":[[2]])"), "a: shape: an array, expected numbers");
  expect_refused(with_fields(R"("shape":[null])"), "a: shape: null, expected numbers");
  expect_refused(with_fields(R"("shape":[1,1,1,1,1,1,1,1,1])"), "a: shape: more than 8 extents");
  expect_refused(with_fields(R"("shape":[9223372036854775808])"), "expected below 2^63");
  expect_refused(with_fields(R"("shape":[18446744073709551616])"), "that is no integer");
  expect_refused(with_fields(R"("data_offsets":[0])"), "a: data_offsets: 1 numbers, expected 2");
  expect_refused(with_fields(R"("data_offsets":[0,4,8])"), "more than 2 numbers");
  expect_refused(with_fields(R"("data_offsets":{})"), "a: data_offsets: an object");
}

TEST(Safetensors, RefusesWrongNames) {
  const auto two = [](const std::string& first, const std::string& second) {
    const char* const fields = R"(":{"dtype":"F32","shape":[1],"data_offsets":[)";
    return safetensors_text("{\"" + first + fields + "0,4]},\"" + second + fields + "4,8]}}",
                            "01234567");
  };
  const Bytes right = bytes_of_text(two("a", std::string(1024, 'x')));
  EXPECT_TRUE(succeeds(Safetensors::parse(right, "m")));
  expect_refused(two("a", "a"), "a: there twice");
  expect_refused(two("a", ""), "a tensor without a name");
  expect_refused(two("a", std::string(1025, 'x')), "a name of 1025 bytes, expected at most 1024");
}

TEST(Safetensors, RefusesWrongPlaces) {
  const auto place = [](const std::string& shape, const std::string& offsets) {
    return with_fields(R"("dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets);
  };
  expect_refused(place("[2]", "[0,4]"), "a: data_offsets 0, 4, expected 8 bytes for its shape");
  expect_refused(place("[2]", "[8,0]"), "a: data_offsets 8, 0, expected 8 bytes");
  expect_refused(place("[3]", "[0,12]"), "its data ends at byte 12, but there are 8");
  expect_refused(place("[1]", "[4,8]"), "begins at byte 4, expected 0: there is a gap");
  expect_refused(place("[1]", "[0,4]"), "8 bytes of data, but the tensors have 4");
  expect_refused(place("[4611686018427387904,4]", "[0,0]"), "2^63 or more bytes");
  expect_refused(place("[9223372036854775807,9223372036854775807,0]", "[0,0]"), "2^63 or more");
  const char* const overlapping = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                  R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
  expect_refused(safetensors_text(overlapping, "01234567"),
                 "b: its data begins at byte 4, expected 8: two");
}

TEST(Safetensors, TakesLittleMemory) {
  std::string header = "{";
  for (int i = 0; i < 10000; ++i) {
    header +=
        fmt::format(R"({}"{}":{{"dtype":"U8","shape":[1,1,1,1,1,1,1,1],"data_offsets":[{},{}]}})",
                    i == 0 ? "" : ",", i, i, i + 1);
  }
  const Bytes bytes = bytes_of_text(safetensors_text(header + "}", std::string(10000, 'x')));
  const std::int64_t before = n_allocated_bytes();
  reset_peak();
  EXPECT_TRUE(succeeds(Safetensors::parse(bytes, "m")));
  EXPECT_LT(peak_allocated_bytes() - before, 16 * static_cast<std::int64_t>(header.size()));
}

// --- Models of several files ---------------------------------------------------------------------

class Shards : public ::testing::Test {
 protected:
  Shards() {
    put_file("one.safetensors", "a");
    put_file("two.safetensors", "b");
  }
  void put_file(const char* file, const std::string& tensor) {
    world_.put(file, safetensors_text(
                         "{\"" + tensor + R"(":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                         "wxyz"));
  }
  void put_index(const std::string& map) {
    world_.put("model.safetensors.index.json", R"({"metadata":{},"weight_map":)" + map + "}");
  }
  Result<Safetensors> open() { return Safetensors::open_model(world_.fs(), world_.folder()); }
  void expect_refused(const std::string& map, std::initializer_list<std::string_view> message) {
    put_index(map);
    EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, message)) << map;
  }

  MemoryWorld world_;
};

TEST_F(Shards, ReadAsOneFile) {
  put_index(R"({"a":"one.safetensors","b":"two.safetensors"})");
  const auto model = open();
  ASSERT_TRUE(succeeds(model));
  EXPECT_EQ(model->tensors().size(), 2u);
  EXPECT_EQ(text_of(*model->find("b")), "wxyz");
}

TEST_F(Shards, YieldToTheWholeFile) {
  put_index("1");
  put_file("model.safetensors", "c");
  const auto model = open();
  ASSERT_TRUE(succeeds(model));
  EXPECT_NE(model->find("c"), nullptr);
}

TEST_F(Shards, AreRefusedWhereIndexAndFilesDiffer) {
  expect_refused("1", {"index.json: weight_map: missing, expected an object"});
  expect_refused("{}", {"weight_map: 0 files, expected 1 .. 4096"});
  expect_refused(R"({"a":1})", {"index.json: a: number, expected the name of a .safetensors file"});
  for (const std::string name : {"../one.safetensors", "/one.safetensors", "one", ""}) {
    expect_refused(R"({"a":")" + name + "\"}", {"a: " + name + ", expected the name"});
  }
  expect_refused(R"({"a":"one.safetensors","b":"one.safetensors"})",
                 {"one.safetensors: b: missing, the index has it in this file"});
  expect_refused(R"({"b":"two.safetensors","c":"one.safetensors"})",
                 {"one.safetensors: a: not in this file by the index"});
  world_.put("model.safetensors.index.json", "{");
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {"index.json: no JSON"}));
}

TEST_F(Shards, NameTheFileThatIsMissing) {
  EXPECT_TRUE(fails_with(open(), ErrorCode::kNotFound, {"folder/model.safetensors: "}));
  put_index(R"({"a":"three.safetensors"})");
  EXPECT_TRUE(fails_with(open(), ErrorCode::kNotFound, {"folder/three.safetensors: "}));
}

TEST_F(Shards, LeaveNothingOpen) {
  put_index(R"({"a":"one.safetensors","b":"two.safetensors"})");
  EXPECT_TRUE(succeeds(open()));
  EXPECT_EQ(world_.n_open(), 0);
}

}  // namespace
}  // namespace eddy::test
