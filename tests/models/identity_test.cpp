// What a model's identity sees, and what it does not.
#include "models/identity.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"

namespace eddy {
namespace {

using Bytes = std::vector<std::byte>;

struct Tensor {
  GgufTensorSpec spec;
  Bytes data;
};

// A file before it is written, so that a test can change one thing in it.
struct Draft {
  std::vector<std::pair<std::string, GgufValue>> entries;
  std::vector<Tensor> tensors;
};

Bytes numbered(std::size_t n) {
  Bytes bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(i * 31 + 7);
  return bytes;
}

Tensor f32(const std::string& name, std::vector<std::int64_t> ne) {
  std::int64_t n = 4;
  for (const std::int64_t extent : ne) n *= extent;
  return {{.name = name, .type = DType::kF32, .ne = ne}, numbered(static_cast<std::size_t>(n))};
}

const Bytes kArrayElements = numbered(8);

Draft draft() {
  return {.entries = {{"general.architecture", std::string_view("mamba")},
                      {"mamba.block_count", std::uint32_t{2}},
                      {"mamba.epsilon", 0.5F},
                      {"mamba.flag", false},
                      {"mamba.list", GgufArray{GgufType::kU32, 2, kArrayElements}},
                      {"general.name", std::string_view("a name")},
                      {"mamba2.block_count", std::uint32_t{3}}},
          .tensors = {f32("blk.0.ssm_a", {5, 2}), f32("blk.1.ssm_a", {3}), f32("output", {4, 4})}};
}

ModelIdentity identity_of(const Draft& draft) {
  GgufWriter writer;
  for (const auto& [key, value] : draft.entries) writer.add(key, value);
  for (const Tensor& tensor : draft.tensors) writer.add_tensor(tensor.spec);
  Bytes bytes;
  const GgufSink append = [&](std::span<const std::byte> more) -> Status {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  };
  const Status written = writer.write(
      append, [&](std::size_t i, const GgufSink& sink) { return sink(draft.tensors[i].data); });
  EXPECT_TRUE(written.ok()) << written.error().message;
  const auto file = GgufFile::parse(bytes, "draft");
  EXPECT_TRUE(file.ok()) << file.error().message;
  return identify(*file);
}

GgufValue& entry(Draft& draft, std::string_view key) {
  return std::ranges::find(draft.entries, key, [](const auto& e) { return e.first; })->second;
}

// Whether a change makes it another model.
template <class Change>
bool is_seen(const Change& change) {
  Draft changed = draft();
  change(changed);
  return identity_of(changed) != identity_of(draft());
}

TEST(Identity, IsTheSameForTheSameModel) {
  EXPECT_FALSE(is_seen([](Draft&) {}));
  EXPECT_NE(identity_of(draft()), ModelIdentity());
}

TEST(Identity, SeesEveryByteOfASmallTensor) {
  for (std::size_t t = 0; t < draft().tensors.size(); ++t) {
    for (std::size_t i = 0; i < draft().tensors[t].data.size(); ++i) {
      EXPECT_TRUE(is_seen([&](Draft& d) { d.tensors[t].data[i] ^= std::byte{1}; })) << i;
    }
  }
}

TEST(Identity, SeesNamesTypesAndShapes) {
  EXPECT_TRUE(is_seen([](Draft& d) { d.tensors[1].spec.name = "blk.1.ssm_d"; }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.tensors[1].spec.type = DType::kI32; }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.tensors[0].spec.ne = {2, 5}; }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.tensors[0].spec.ne = {10}; }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.tensors.pop_back(); }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.tensors.push_back(f32("more", {1})); }));
  EXPECT_TRUE(is_seen([](Draft& d) { std::swap(d.tensors[0].spec.name, d.tensors[1].spec.name); }));
}

TEST(Identity, SeesTheArchitectureAndEveryHyperParameter) {
  const std::pair<const char*, GgufValue> changes[] = {
      {"general.architecture", std::string_view("mamba2")},
      {"mamba.block_count", std::uint32_t{3}},
      {"mamba.block_count", std::int32_t{2}},  // another type
      {"mamba.epsilon", 0.25F},
      {"mamba.flag", true},
      {"mamba.list", GgufArray{GgufType::kU32, 1, std::span(kArrayElements).first(4)}},
      {"mamba.list", GgufArray{GgufType::kU16, 4, kArrayElements}}};
  for (const auto& [key, value] : changes) {
    EXPECT_TRUE(is_seen([&, key = key, value = value](Draft& d) { entry(d, key) = value; })) << key;
  }
  EXPECT_TRUE(is_seen([](Draft& d) { d.entries[1].first = "mamba.blocks"; }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.entries.erase(d.entries.begin() + 3); }));
  EXPECT_TRUE(is_seen([](Draft& d) { d.entries.emplace_back("mamba.more", std::uint8_t{0}); }));
}

TEST(Identity, SeesTheArchitectureWithoutHyperParameters) {
  Draft one = draft(), other = draft();
  entry(one, "general.architecture") = std::string_view("one");
  entry(other, "general.architecture") = std::string_view("other");
  EXPECT_NE(identity_of(one), identity_of(other));
}

TEST(Identity, SeesNoOtherMetadata) {
  EXPECT_FALSE(is_seen([](Draft& d) { entry(d, "general.name") = std::string_view("another"); }));
  EXPECT_FALSE(is_seen([](Draft& d) { entry(d, "mamba2.block_count") = std::uint32_t{4}; }));
  EXPECT_FALSE(is_seen([](Draft& d) { d.entries.emplace_back("mambas", true); }));
  EXPECT_FALSE(is_seen([](Draft& d) { d.entries.emplace_back("x.mamba.block_count", true); }));
  EXPECT_FALSE(
      is_seen([](Draft& d) { d.entries.emplace_back("general.alignment", std::uint32_t{64}); }));
}

TEST(Identity, SeesNoOrder) {
  EXPECT_FALSE(is_seen([](Draft& d) { std::ranges::reverse(d.entries); }));
  EXPECT_FALSE(is_seen([](Draft& d) { std::ranges::reverse(d.tensors); }));
}

// Of the pages of a tensor: which ones the identity depends on.
std::vector<std::size_t> pages_seen(std::int64_t n_pages) {
  Draft large = draft();
  large.tensors.push_back(f32("large", {1024, n_pages}));  // a row is a page of 4 KiB
  const ModelIdentity before = identity_of(large);
  std::vector<std::size_t> seen;
  for (std::size_t page = 0; page < static_cast<std::size_t>(n_pages); ++page) {
    std::byte& byte = large.tensors.back().data[page * 4096 + page * 1021 % 4096];
    byte ^= std::byte{0x80};
    if (identity_of(large) != before) seen.push_back(page);
    byte ^= std::byte{0x80};
  }
  return seen;
}

TEST(Identity, ReadsSixtyFourKibibytesWhole) { EXPECT_EQ(pages_seen(16).size(), 16U); }

TEST(Identity, OfLargeTensorsReadsSixteenPagesSpreadEvenly) {
  const auto seen = pages_seen(256);
  ASSERT_EQ(seen.size(), 16U);
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(seen[i], i * 17);  // from the first to the last
}

}  // namespace
}  // namespace eddy
