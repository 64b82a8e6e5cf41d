// GgufFile: what is read from right files, and the ways to ask for it.
#include "formats/gguf.h"

#include <gtest/gtest.h>

#include "base/support/fails_with.h"
#include "base/support/memory_file_system.h"
#include "formats/support/built_file.h"
#include "formats/support/gguf_checks.h"

namespace eddy::test {
namespace {

class GgufTest : public ::testing::Test {
 protected:
  // Parses what `built` is now.
  Result<GgufFile> parse() {
    bytes = built.bytes();
    return GgufFile::parse(bytes, "m.gguf");
  }
  BuiltFile built = sample_file();
  Bytes bytes;
};

TEST_F(GgufTest, HasTheEntriesInOrder) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  ASSERT_EQ(file->entries().size(), built.entries.size());
  for (std::size_t i = 0; i < built.entries.size(); ++i) {
    EXPECT_EQ(file->entries()[i].key, built.entries[i].key);
    EXPECT_EQ(static_cast<std::uint32_t>(gguf_type(file->entries()[i].value)),
              built.entries[i].type);
  }
  EXPECT_EQ(broken_invariant(*file, bytes), "");
}

TEST_F(GgufTest, HasAValueOfEachType) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  const auto has = [&](const char* key, const GgufValue& value) {
    return file->find(key) && same_value(*file->find(key), value);
  };
  EXPECT_TRUE(has("general.architecture", std::string_view("mamba")));
  EXPECT_TRUE(has("n.u8", std::uint8_t{200}));
  EXPECT_TRUE(has("n.i8", std::int8_t{-100}));
  EXPECT_TRUE(has("n.u16", std::uint16_t{60'000}));
  EXPECT_TRUE(has("n.i16", std::int16_t{-30'000}));
  EXPECT_TRUE(has("n.u32", std::uint32_t{4'000'000'000}));
  EXPECT_TRUE(has("n.i32", std::int32_t{-2'000'000'000}));
  EXPECT_TRUE(has("n.f32", 1.5f));
  EXPECT_TRUE(has("n.bool", true));
  EXPECT_TRUE(has("n.u64", std::uint64_t{1} << 63));
  EXPECT_TRUE(has("n.i64", std::int64_t{-1} << 62));
  EXPECT_TRUE(has("n.f64", -0.1));
  EXPECT_EQ(file->find("n"), nullptr);
  EXPECT_EQ(file->find(""), nullptr);
}

TEST_F(GgufTest, HasTheArrays) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(*file->get<std::vector<std::int32_t>>("a.i32"), (std::vector{-1, 0, 7}));
  EXPECT_EQ(*file->get<std::vector<std::uint64_t>>("a.u8"), (std::vector<std::uint64_t>{0, 255}));
  EXPECT_EQ(*file->get<std::vector<std::string_view>>("a.text"),
            (std::vector<std::string_view>{"first", "", std::string_view("\xFF\0z", 3)}));
  EXPECT_TRUE(file->get<std::vector<float>>("a.none")->empty());
  const GgufArray bools = std::get<GgufArray>(*file->find("a.bool"));
  EXPECT_EQ(bools.size, 3u);
  EXPECT_EQ(bools.type, GgufType::kBool);
}

TEST_F(GgufTest, HasTheTensors) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  ASSERT_EQ(file->tensors().size(), 3u);
  const GgufTensor* two = file->find_tensor("two");
  ASSERT_EQ(two, &file->tensors()[1]);
  EXPECT_EQ(two->ne, (std::array<std::int64_t, 4>{32, 2, 1, 1}));
  EXPECT_EQ(two->n_dims, 2);
  EXPECT_EQ(two->type, DType::kQ8_0);
  EXPECT_EQ(two->data.size(), 68u);
  EXPECT_EQ(two->data.data(), bytes.data() + bytes.size() - 100 + 16);
  EXPECT_EQ(two->data[0], std::byte{7 * 16 + 1});
  EXPECT_EQ(file->find_tensor("three")->ne, (std::array<std::int64_t, 4>{2, 1, 3, 1}));
  EXPECT_EQ(file->find_tensor("three")->data.size(), 12u);
  EXPECT_EQ(file->find_tensor("four"), nullptr);
}

TEST_F(GgufTest, ReadsVersions2And3) {
  for (const std::uint32_t version : {2u, 3u}) {
    built.version = version;
    const auto file = parse();
    ASSERT_TRUE(succeeds(file));
    EXPECT_EQ(file->version(), version);
    EXPECT_EQ(file->tensors().size(), 3u);
  }
}

TEST_F(GgufTest, NeedsNeitherEntriesNorTensors) {
  built = {};
  const auto empty = parse();
  ASSERT_TRUE(succeeds(empty));
  EXPECT_TRUE(empty->entries().empty());
  EXPECT_TRUE(empty->tensors().empty());
  EXPECT_EQ(empty->alignment(), 32u);
  built = {.entries = sample_file().entries};
  EXPECT_TRUE(succeeds(parse()));
  built = {.tensors = {{.name = "one", .ne = {1}}}, .n_data = 4};
  EXPECT_TRUE(succeeds(parse()));
}

TEST_F(GgufTest, AlignsTheDataAsTheFileSays) {
  for (std::uint32_t alignment = 8; alignment <= 1u << 20; alignment *= 2) {
    const auto pad = [&](std::uint64_t n) { return (n + alignment - 1) / alignment * alignment; };
    built.entries[1] = number_entry("general.alignment", 4, alignment);
    built.alignment = alignment;
    built.tensors[1].offset = pad(12);
    built.tensors[2].offset = pad(12) + pad(68);
    built.n_data = built.tensors[2].offset + 12;
    const auto file = parse();
    ASSERT_TRUE(succeeds(file));
    EXPECT_EQ(file->alignment(), alignment);
    EXPECT_EQ(broken_invariant(*file, bytes), "");
  }
}

TEST_F(GgufTest, TakesTheGreatestKeyAndName) {
  built.entries[2].key = std::string(65535, 'k');
  built.tensors[0].name = std::string(63, 'n');
  built.tensors[1].ne = {32, 1, 1, 2};
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  EXPECT_NE(file->find(std::string(65535, 'k')), nullptr);
  EXPECT_NE(file->find_tensor(std::string(63, 'n')), nullptr);
}

TEST_F(GgufTest, BytesBehindTheDataAreNotLookedAt) {
  built.n_data = 200;
  EXPECT_TRUE(succeeds(parse()));
}

TEST_F(GgufTest, SaysWhatItExpectedAndFound) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  EXPECT_TRUE(fails_with(file->get<std::uint32_t>("mamba.block_count"), ErrorCode::kNotFound,
                         {"m.gguf: mamba.block_count: missing, expected u32"}));
  EXPECT_TRUE(fails_with(file->get<std::int32_t>("n.u32"), ErrorCode::kMalformed,
                         {"m.gguf: n.u32: 4000000000, expected"}));
  EXPECT_TRUE(fails_with(file->get<bool>("n.u8"), ErrorCode::kMalformed,
                         {"m.gguf: n.u8: u8, expected bool"}));
}

TEST_F(GgufTest, AFallbackIsForWhatIsMissingAlone) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(*file->get_or<std::uint32_t>("missing", 7), 7u);
  EXPECT_EQ(*file->get_or<std::uint32_t>("n.u8", 7), 200u);
  EXPECT_EQ(*file->get_or<std::string_view>("missing", "none"), "none");
  EXPECT_TRUE(fails_with(file->get_or<std::uint32_t>("n.f32", 7), ErrorCode::kMalformed));
}

TEST_F(GgufTest, OneNumberOrOneForEachLayer) {
  const auto file = parse();
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(*file->per_layer<std::int32_t>("a.i32", 3), (std::vector{-1, 0, 7}));
  EXPECT_EQ(*file->per_layer<std::int32_t>("n.u8", 2), (std::vector{200, 200}));
  EXPECT_EQ(file->per_layer<float>("a.none", 0)->size(), 0u);
  EXPECT_TRUE(fails_with(file->per_layer<std::int32_t>("a.i32", 2), ErrorCode::kMalformed,
                         {"m.gguf: a.i32: 3 elements", "2 layers"}));
  EXPECT_TRUE(fails_with(file->per_layer<std::uint32_t>("a.i32", 3), ErrorCode::kMalformed,
                         {"m.gguf: a.i32: element 0: -1, expected"}));
  EXPECT_TRUE(fails_with(file->per_layer<float>("missing", 3), ErrorCode::kNotFound));
}

TEST_F(GgufTest, OpensAFileAndGivesItBack) {
  MemoryFileSystem fs;
  const Bytes content = built.bytes();
  fs.put("m.gguf", {reinterpret_cast<const char*>(content.data()), content.size()});
  {
    auto file = GgufFile::open(fs, "m.gguf");
    ASSERT_TRUE(succeeds(file));
    const GgufFile moved = std::move(*file);
    EXPECT_EQ(moved.name(), "m.gguf");
    EXPECT_EQ(moved.find_tensor("one")->data[1], std::byte{8});
    moved.prefetch();
    EXPECT_EQ(fs.n_prefetched(), 1);
    EXPECT_EQ(fs.n_open(), 0u);
  }
  EXPECT_EQ(fs.n_mapped(), 0u);
  EXPECT_TRUE(fails_with(GgufFile::open(fs, "n.gguf"), ErrorCode::kNotFound, {"n.gguf: "}));
  fs.put("m.gguf", "");
  EXPECT_TRUE(fails_with(GgufFile::open(fs, "m.gguf"), ErrorCode::kMalformed, {"no GGUF file"}));
  EXPECT_EQ(fs.n_mapped(), 0u);
}

}  // namespace
}  // namespace eddy::test
