// Models of several files: right ones, and each way in which the parts may not fit together.
#include "formats/gguf_split.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/support/fails_with.h"
#include "base/support/faulty_file_system.h"
#include "base/support/memory_file_system.h"
#include "formats/support/built_file.h"

namespace eddy::test {
namespace {

// Three parts with 1, 2 and 1 tensors of one f32, named t0 .. t3.
class GgufSplitTest : public ::testing::Test {
 protected:
  GgufSplitTest() {
    for (std::uint16_t i = 0; i < 3; ++i) {
      parts[i].entries = {number_entry("split.no", 2, i),
                          number_entry("split.count", 2, std::uint16_t{3}),
                          number_entry("split.tensors.count", 5, std::int32_t{4})};
    }
    parts[0].entries.push_back(text_entry("general.architecture", "mamba"));
    parts[1].entries.push_back(text_entry("only.here", "x"));
    add_tensor(0, "t0");
    add_tensor(1, "t1");
    add_tensor(1, "t2");
    add_tensor(2, "t3");
  }

  void add_tensor(std::size_t part, const std::string& name) {
    BuiltFile& file = parts[part];
    file.tensors.push_back({.name = name, .ne = {1}, .offset = 32 * file.tensors.size()});
    file.n_data = 32 * file.tensors.size();
  }

  static std::string path_of(std::size_t part) {
    return fmt::format("m-{:05}-of-00003.gguf", part + 1);
  }

  void put(const std::string& path, const BuiltFile& file) {
    const Bytes bytes = file.bytes();
    fs.put(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

  Result<GgufFile> open(const std::string& path = path_of(0)) {
    for (std::size_t i = 0; i < 3; ++i) {
      if (i != missing) put(path_of(i), parts[i]);
    }
    return GgufFile::open(fs, path);
  }

  BuiltFile parts[3];
  std::size_t missing = 3;
  MemoryFileSystem fs;
};

TEST_F(GgufSplitTest, ReadsAsOneFile) {
  {
    const auto file = open();
    ASSERT_TRUE(succeeds(file));
    ASSERT_EQ(file->tensors().size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(file->tensors()[i].name, fmt::format("t{}", i));
      EXPECT_EQ(file->find_tensor(fmt::format("t{}", i)), &file->tensors()[i]);
      EXPECT_EQ(file->tensors()[i].data.size(), 4u);
    }
    EXPECT_EQ(file->tensors()[2].data[0], std::byte{(7 * 32 + 1) & 0xFF});
    EXPECT_EQ(*file->get<std::string_view>("general.architecture"), "mamba");
    EXPECT_EQ(file->find("only.here"), nullptr);
    EXPECT_EQ(fs.n_mapped(), 3u);
    EXPECT_EQ(fs.n_open(), 0u);
    file->prefetch();
    EXPECT_EQ(fs.n_prefetched(), 3);
  }
  EXPECT_EQ(fs.n_mapped(), 0u);
}

TEST_F(GgufSplitTest, ThePartsLieWhereTheFirstDoes) {
  fs.add_folder("deep");
  for (std::size_t i = 0; i < 3; ++i) put("deep/" + path_of(i), parts[i]);
  EXPECT_TRUE(succeeds(GgufFile::open(fs, "deep/" + path_of(0))));
}

TEST_F(GgufSplitTest, EachPartHasItsOwnAlignment) {
  parts[1].entries.push_back(number_entry("general.alignment", 4, std::uint32_t{8}));
  parts[1].alignment = 8;
  parts[1].tensors[1].offset = 8;
  parts[1].n_data = 12;
  const auto file = open();
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(file->alignment(), 32u);
  EXPECT_EQ(file->tensors()[2].data[0], std::byte{7 * 8 + 1});
}

TEST_F(GgufSplitTest, TheFirstPartMayHaveNoTensors) {
  parts[0].tensors = {};
  parts[0].n_data = 0;
  parts[0].entries[2] = number_entry("split.tensors.count", 5, std::int32_t{3});
  const auto file = open();
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(file->tensors().size(), 3u);
}

TEST_F(GgufSplitTest, ACountOf0Or1IsNoSplit) {
  for (const std::uint16_t count : {std::uint16_t{0}, std::uint16_t{1}}) {
    parts[0].entries[1] = number_entry("split.count", 2, count);
    put("any.gguf", parts[0]);
    const auto file = GgufFile::open(fs, "any.gguf");
    ASSERT_TRUE(succeeds(file));
    EXPECT_EQ(file->tensors().size(), 1u);
  }
}

TEST_F(GgufSplitTest, AMissingPartIsNotFound) {
  for (missing = 1; missing < 3; ++missing) {
    fs.remove(path_of(missing));
    EXPECT_TRUE(fails_with(open(), ErrorCode::kNotFound, {path_of(missing)}));
    EXPECT_EQ(fs.n_mapped(), 0u);
  }
}

TEST_F(GgufSplitTest, OpensTheFirstPartAlone) {
  EXPECT_TRUE(fails_with(open(path_of(1)), ErrorCode::kMalformed,
                         {path_of(1), "part 2", "expected the first part"}));
}

TEST_F(GgufSplitTest, TheNameSaysWhichPartsThereAre) {
  for (const char* path : {"m.gguf", "m-00001-of-00002.gguf", "m-00002-of-00003.gguf"}) {
    put(path, parts[0]);
    EXPECT_TRUE(fails_with(GgufFile::open(fs, path), ErrorCode::kMalformed,
                           {path, "-00001-of-00003.gguf"}));
    fs.remove(path);
  }
}

TEST_F(GgufSplitTest, PartsInTheWrongOrder) {
  std::swap(parts[1], parts[2]);
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {path_of(1), "split.no: 2", "expected 1"}));
}

TEST_F(GgufSplitTest, APartWithoutANumber) {
  std::erase_if(parts[2].entries, [](const auto& entry) { return entry.key == "split.no"; });
  EXPECT_TRUE(fails_with(open(), ErrorCode::kNotFound, {path_of(2), "split.no"}));
  std::erase_if(parts[0].entries, [](const auto& entry) { return entry.key == "split.no"; });
  EXPECT_TRUE(fails_with(open(), ErrorCode::kNotFound, {path_of(0), "split.no"}));
}

TEST_F(GgufSplitTest, TensorsThatAreNotAllThere) {
  parts[0].entries[2] = number_entry("split.tensors.count", 5, std::int32_t{5});
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed,
                         {path_of(0), "split.tensors.count: 5", "have 4 tensors"}));
  parts[0].entries[2] = number_entry("split.tensors.count", 5, std::int32_t{-4});
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {"split.tensors.count: -4"}));
  parts[0].entries.erase(parts[0].entries.begin() + 2);
  EXPECT_TRUE(fails_with(open(), ErrorCode::kNotFound, {"split.tensors.count"}));
}

TEST_F(GgufSplitTest, ATensorThatIsInTwoParts) {
  parts[2].tensors[0].name = "t0";
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {path_of(0), "t0", "twice"}));
}

TEST_F(GgufSplitTest, APartThatIsDamaged) {
  parts[2].magic = "GGML";
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {path_of(2), "GGML"}));
  EXPECT_EQ(fs.n_mapped(), 0u);
}

TEST_F(GgufSplitTest, CountsBeyondTheNames) {
  for (const std::uint32_t count : {100'000u, 0xFFFFFFFFu}) {
    parts[0].entries[1] = number_entry("split.count", 4, count);
    EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {"split.count", "99999"}));
  }
  parts[0].entries[1] = number_entry("split.count", 5, std::int32_t{-1});
  EXPECT_TRUE(fails_with(open(), ErrorCode::kMalformed, {"split.count"}));
}

TEST_F(GgufSplitTest, AnyCallOfTheFileSystemMayFail) {
  ASSERT_TRUE(succeeds(open()));
  for (std::int64_t k = 0; k < 12; ++k) {
    FaultyFileSystem faulty(fs, {.first = k, .result = -EIO});
    const auto file = GgufFile::open(faulty, path_of(0));
    const bool is_close = k % 4 == 3;
    EXPECT_EQ(file.ok(), is_close) << k;
    if (!is_close) {
      EXPECT_TRUE(fails_with(file, ErrorCode::kIo, {path_of(static_cast<std::size_t>(k / 4))}));
      EXPECT_EQ(fs.n_mapped(), 0u);
    }
    EXPECT_EQ(fs.n_open(), 0u);
  }
}

}  // namespace
}  // namespace eddy::test
