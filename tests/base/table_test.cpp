#include "base/table.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <unordered_set>

namespace eddy {
namespace {

template <class Rows, class I>
concept Indexable = requires(Rows rows, I id) {
  rows[id];
};

static_assert(Indexable<Table<SeqId, int>, SeqId>);
static_assert(!Indexable<Table<SeqId, int>, CellId>);
static_assert(!Indexable<Table<SeqId, int>, int>);
static_assert(!std::is_convertible_v<int, SeqId>);
static_assert(!std::is_convertible_v<SeqId, CellId>);

TEST(Id, IsNoneUntilItIsSet) {
  EXPECT_EQ(SeqId().value, -1);
  EXPECT_EQ(SeqId(), SeqId(-1));
  EXPECT_NE(SeqId(), SeqId(0));
  EXPECT_LT(SeqId(1), SeqId(2));
}

TEST(Id, IsAKeyOfHashedSets) {
  std::unordered_set<SeqId> ids;
  for (int i = 0; i < 100; ++i) ids.insert(SeqId(i % 10));
  EXPECT_EQ(ids.size(), 10u);
  EXPECT_TRUE(ids.contains(SeqId(9)));
  EXPECT_FALSE(ids.contains(SeqId(10)));
}

TEST(Table, HoldsARowForEachId) {
  Table<CellId, std::string> table(3, "free");
  table[CellId(1)] = "taken";
  const auto& constant = table;
  EXPECT_EQ(constant[CellId(0)], "free");
  EXPECT_EQ(constant[CellId(1)], "taken");
  EXPECT_EQ(constant[CellId(2)], "free");
  EXPECT_EQ(table.size(), 3u);
}

TEST(Table, KnowsWhichIdsItHas) {
  const Table<CellId, int> table(2);
  EXPECT_TRUE(table.contains(CellId(0)));
  EXPECT_TRUE(table.contains(CellId(1)));
  EXPECT_FALSE(table.contains(CellId(2)));
  EXPECT_FALSE(table.contains(CellId()));
  EXPECT_FALSE(table.contains(CellId(std::numeric_limits<std::int32_t>::max())));
  EXPECT_FALSE(table.contains(CellId(std::numeric_limits<std::int32_t>::min())));
}

TEST(Table, IsEmptyByDefault) {
  const Table<CellId, int> table;
  EXPECT_EQ(table.size(), 0u);
  EXPECT_FALSE(table.contains(CellId(0)));
  EXPECT_EQ(table.begin(), table.end());
}

TEST(Table, IsWalkedInOrderOfId) {
  Table<CellId, int> table(5);
  std::iota(table.begin(), table.end(), 10);
  std::size_t index = 0;
  for (const int row : std::as_const(table)) {
    EXPECT_EQ(row, 10 + static_cast<int>(index));
    EXPECT_EQ(row, table[table.id_at(index)]);
    ++index;
  }
  EXPECT_EQ(index, 5u);
}

}  // namespace
}  // namespace eddy
