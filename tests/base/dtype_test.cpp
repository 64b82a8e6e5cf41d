// The table of types against the published one of the GGUF format, typed in here again.
#include "base/dtype.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace eddy {
namespace {

__extension__ using Wide = unsigned __int128;

struct Published {
  std::uint32_t id;
  std::string name;
  std::uint32_t block_elems;
  std::uint32_t block_bytes;
};

const std::vector<Published> kPublished = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},      {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},  {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},   {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},    {40, "NVFP4", 64, 36},
    {41, "Q1_0", 128, 18},    {42, "Q2_0", 64, 18},
};

TEST(DType, TableIsThePublishedOne) {
  const auto table = dtype_table();
  ASSERT_EQ(table.size(), kPublished.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(static_cast<std::uint32_t>(table[i].type), kPublished[i].id);
    EXPECT_EQ(table[i].name, kPublished[i].name);
    EXPECT_EQ(table[i].block_elems, kPublished[i].block_elems) << table[i].name;
    EXPECT_EQ(table[i].block_bytes, kPublished[i].block_bytes) << table[i].name;
  }
}

TEST(DType, TableIsInOrderOfUniqueIdsAndNames) {
  std::set<std::string_view> names;
  const DTypeInfo* previous = nullptr;
  for (const DTypeInfo& info : dtype_table()) {
    if (previous) {
      EXPECT_LT(previous->type, info.type);
    }
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    previous = &info;
  }
}

TEST(DType, KnowsTheIdsOfTheTableAlone) {
  for (std::uint32_t id = 0; id < 1000; ++id) {
    const auto published = std::ranges::find(kPublished, id, &Published::id);
    const auto type = dtype_from_id(id);
    ASSERT_EQ(type.has_value(), published != kPublished.end()) << id;
    if (!type) continue;
    EXPECT_EQ(static_cast<std::uint32_t>(*type), id);
    EXPECT_EQ(dtype_name(*type), published->name);
    EXPECT_EQ(dtype_info(*type).block_bytes, published->block_bytes);
  }
  EXPECT_EQ(dtype_from_id(std::numeric_limits<std::uint32_t>::max()), std::nullopt);
}

TEST(DType, RefusesRemovedIds) {
  for (const std::uint32_t id : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u}) {
    EXPECT_EQ(dtype_from_id(id), std::nullopt) << id;
  }
}

TEST(DType, FindsNamesInAnyLetterCase) {
  for (const DTypeInfo& info : dtype_table()) {
    std::string lower(info.name);
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(dtype_from_name(info.name), info.type);
    EXPECT_EQ(dtype_from_name(lower), info.type);
    EXPECT_EQ(dtype_from_name(lower + " "), std::nullopt);
    EXPECT_EQ(dtype_from_name(lower.substr(0, lower.size() - 1)), std::nullopt);
  }
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
}

TEST(DType, RowsAreWholeBlocks) {
  for (const Published& row : kPublished) {
    const DType type = static_cast<DType>(row.id);
    EXPECT_EQ(row_bytes(type, 0), 0u);
    EXPECT_EQ(row_bytes(type, row.block_elems), row.block_bytes);
    EXPECT_EQ(row_bytes(type, 7ull * row.block_elems), 7u * row.block_bytes);
    for (std::uint32_t n = 1; n < row.block_elems; ++n) {
      ASSERT_EQ(row_bytes(type, n), std::nullopt) << row.name << ' ' << n;
      ASSERT_EQ(row_bytes(type, row.block_elems + n), std::nullopt) << row.name << ' ' << n;
    }
  }
}

// Near the greatest count of blocks, and near the greatest whose bytes fit.
TEST(DType, RowBytesDoNotOverflow) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  int n_refused = 0;
  for (const Published& row : kPublished) {
    for (const std::uint64_t blocks : {kMax / row.block_elems, kMax / row.block_bytes}) {
      for (const std::uint64_t n_blocks : {blocks - 1, blocks, blocks + 1}) {
        if (n_blocks > kMax / row.block_elems) continue;
        const Wide n_bytes = Wide{n_blocks} * row.block_bytes;
        const auto found = row_bytes(static_cast<DType>(row.id), n_blocks * row.block_elems);
        ASSERT_EQ(found.has_value(), n_bytes <= kMax) << row.name << ' ' << n_blocks;
        if (found) {
          ASSERT_EQ(Wide{*found}, n_bytes);
        }
        n_refused += !found;
      }
    }
  }
  EXPECT_GT(n_refused, 0);
}

}  // namespace
}  // namespace eddy
