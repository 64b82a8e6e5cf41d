// What every StateStore promises, over all of them.
#include "memory/state_store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/support/fails_with.h"
#include "memory/store_budget.h"
#include "support/store_worlds.h"

namespace eddy::test {
namespace {

template <class World>
class StateStoreTest : public ::testing::Test {
 protected:
  void open(std::uint64_t budget = kNoBudget) {
    store.reset();
    store = world.open(budget);
    ASSERT_NE(store, nullptr);
  }
  void SetUp() override { open(); }

  void put(const std::string& name, std::uint64_t seed, std::size_t n_bytes = 100,
           bool is_pinned = false) {
    EXPECT_TRUE(succeeds(
        store->put(descriptor(name, static_cast<Pos>(seed), is_pinned), content_of(seed, n_bytes))))
        << name;
  }
  void expect_content(const std::string& name, std::uint64_t seed, std::size_t n_bytes = 100) {
    const auto stored = store->get(name);
    ASSERT_TRUE(succeeds(stored)) << name;
    EXPECT_TRUE(std::ranges::equal(stored->bytes, content_of(seed, n_bytes))) << name;
    EXPECT_EQ(stored->entry.state.name, name);
    EXPECT_EQ(stored->entry.state.position, static_cast<Pos>(seed));
    EXPECT_EQ(stored->entry.n_bytes, n_bytes);
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    const auto entries = store->list();
    EXPECT_TRUE(succeeds(entries));
    if (!entries) return names;
    for (const StateEntry& entry : *entries) names.push_back(entry.state.name);
    return names;
  }

  World world;
  std::unique_ptr<StateStore> store;
};
using Stores = ::testing::Types<MapWorld, DirWorld, UnsyncedDirWorld, SealedWorld<MapWorld>,
                                SealedWorld<DirWorld>>;
TYPED_TEST_SUITE(StateStoreTest, Stores);

TYPED_TEST(StateStoreTest, GivesBackWhatWasPut) {
  this->put("b", 1);
  this->put("a", 2, 0);
  this->put("a c", 3, 100'000);
  this->expect_content("b", 1);
  this->expect_content("a", 2, 0);
  this->expect_content("a c", 3, 100'000);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "a c", "b"}));
}

TYPED_TEST(StateStoreTest, KnowsWhatItsOwnerSaid) {
  const auto bytes = content_of(1, 50);
  const StateDescriptor said = descriptor("name", 1234567890123, true);
  EXPECT_TRUE(succeeds(this->store->put(said, bytes)));
  const auto entries = this->store->list();
  ASSERT_TRUE(entries.ok() && entries->size() == 1);
  const StateEntry& entry = entries->front();
  EXPECT_EQ(entry.state.name, said.name);
  EXPECT_EQ(entry.state.model, said.model);
  EXPECT_EQ(entry.state.position, said.position);
  EXPECT_TRUE(entry.state.is_pinned);
  EXPECT_EQ(entry.n_bytes, 50u);
  EXPECT_EQ(entry.digest, this->store->get("name")->entry.digest);
  EXPECT_EQ(entry.last_use_us, 1000);
}

TYPED_TEST(StateStoreTest, APutReplaces) {
  this->put("a", 1);
  this->put("b", 2);
  this->put("a", 3, 200);
  this->expect_content("a", 3, 200);
  this->expect_content("b", 2);
  EXPECT_EQ(this->names().size(), 2u);
  this->put("a", 3, 200, true);  // the same bytes, another thing said about them
  EXPECT_TRUE(this->store->list()->front().state.is_pinned);
  this->expect_content("a", 3, 200);
}

TYPED_TEST(StateStoreTest, UnknownNamesAreErrors) {
  EXPECT_TRUE(fails_with(this->store->get("a"), ErrorCode::kNotFound, {"state a"}));
  EXPECT_TRUE(fails_with(this->store->erase("a"), ErrorCode::kNotFound, {"state a"}));
  this->put("a", 1);
  EXPECT_TRUE(fails_with(this->store->get("A"), ErrorCode::kNotFound));
  EXPECT_TRUE(fails_with(this->store->get(""), ErrorCode::kNotFound));
  EXPECT_TRUE(fails_with(this->store->get("a "), ErrorCode::kNotFound));
  EXPECT_TRUE(succeeds(this->store->erase("a")));
  EXPECT_TRUE(fails_with(this->store->get("a"), ErrorCode::kNotFound));
  EXPECT_TRUE(fails_with(this->store->erase("a"), ErrorCode::kNotFound));
  EXPECT_TRUE(this->names().empty());
}

TYPED_TEST(StateStoreTest, OddNamesAreNamesOrErrors) {
  const std::string longest(kStateNameBytes, 'n');
  for (const std::string& name :
       {std::string("../../etc/passwd"), std::string("'; DROP TABLE state"),
        std::string("\xC3\xA4\xFF"), std::string("."), longest}) {
    this->put(name, 5);
    this->expect_content(name, 5);
  }
  EXPECT_EQ(this->names().size(), 5u);
  for (const std::string& name : {std::string(), longest + "n", std::string("a\nb"),
                                  std::string("a\0b", 3), std::string("\x7f")}) {
    EXPECT_TRUE(fails_with(this->store->put(descriptor(name), content_of(1, 5)),
                           ErrorCode::kInvalidArgument, {"state name"}));
  }
  EXPECT_EQ(this->names().size(), 5u);
}

TYPED_TEST(StateStoreTest, BytesOutliveTheirName) {
  this->put("a", 1, 5000);
  const auto stored = this->store->get("a");
  ASSERT_TRUE(succeeds(stored));
  this->put("a", 2);
  EXPECT_TRUE(succeeds(this->store->erase("a")));
  this->store.reset();
  EXPECT_TRUE(std::ranges::equal(stored->bytes, content_of(1, 5000)));
}

TYPED_TEST(StateStoreTest, ManyStates) {
  constexpr std::uint64_t kMany = 500;
  for (std::uint64_t i = 0; i < kMany; ++i) this->put("state " + std::to_string(i), i, i % 97);
  EXPECT_EQ(this->names().size(), kMany);
  for (std::uint64_t i = 0; i < kMany; i += 7) {
    this->expect_content("state " + std::to_string(i), i, i % 97);
  }
  for (std::uint64_t i = 0; i < kMany; i += 2) {
    EXPECT_TRUE(succeeds(this->store->erase("state " + std::to_string(i))));
  }
  EXPECT_EQ(this->names().size(), kMany / 2);
  for (std::uint64_t i = 1; i < kMany; i += 14) {
    this->expect_content("state " + std::to_string(i), i, i % 97);
  }
}

// --- The budget ---------------------------------------------------------------------------------

// Room for n contents of 100 bytes.
template <class World>
std::uint64_t room_for(std::uint64_t n) {
  return n * (100 + World::kOverhead);
}

TYPED_TEST(StateStoreTest, WhatWasNotUsedForLongestGoes) {
  this->open(room_for<TypeParam>(3));
  this->put("a", 1);
  this->put("b", 2);
  this->put("c", 3);
  this->expect_content("a", 1);  // a use
  this->put("d", 4);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "c", "d"}));
  this->put("c", 5);  // in its own place
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "c", "d"}));
  this->put("e", 6);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"c", "d", "e"}));
  this->expect_content("c", 5);
  this->expect_content("d", 4);
  this->expect_content("e", 6);
}

TYPED_TEST(StateStoreTest, PinnedStatesStay) {
  this->open(room_for<TypeParam>(3));
  this->put("a", 1, 100, true);
  this->put("b", 2);
  this->put("c", 3);
  this->put("d", 4);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "c", "d"}));
  this->put("c", 3, 100, true);
  this->put("d", 4, 100, true);
  EXPECT_TRUE(fails_with(this->store->put(descriptor("e"), content_of(5, 100)), ErrorCode::kFull,
                         {"state e"}));
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "c", "d"}));
  this->put("d", 6);  // no longer pinned
  this->put("e", 5);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "c", "e"}));
}

TYPED_TEST(StateStoreTest, WhatNeverFitsIsRefusedAndChangesNothing) {
  this->open(room_for<TypeParam>(2));
  this->put("a", 1);
  this->put("b", 2);
  EXPECT_TRUE(fails_with(this->store->put(descriptor("a"), content_of(3, 5000)), ErrorCode::kFull));
  this->expect_content("a", 1);
  this->expect_content("b", 2);
}

TYPED_TEST(StateStoreTest, EqualBytesCostOnce) {
  this->open(room_for<TypeParam>(2));
  for (const std::string name : {"a", "b", "c", "d"}) this->put(name, 1);
  this->put("e", 2);
  EXPECT_EQ(this->names().size(), 5u);
  // To make room all four must go; b to d free nothing while a is pinned, so that e goes.
  this->put("a", 1, 100, true);
  this->put("f", 3);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"a", "b", "c", "d", "f"}));
  this->put("a", 1);
  this->expect_content("f", 3);
  this->put("g", 4);
  EXPECT_EQ(this->names(), (std::vector<std::string>{"f", "g"}));
}

TYPED_TEST(StateStoreTest, UsesRiseAlsoWhereTheClockStands) {
  this->put("a", 1);
  this->put("b", 2);
  *this->world.clock.now = 500;
  EXPECT_TRUE(succeeds(this->store->get("a")));
  const auto entries = this->store->list();
  ASSERT_TRUE(entries.ok());
  EXPECT_GT((*entries)[0].last_use_us, (*entries)[1].last_use_us);
}

TEST(MapStore, FreesWhatIsReplacedOrErased) {
  MapStore store;
  const auto put = [&](std::uint64_t seed) {
    ASSERT_TRUE(succeeds(store.put(descriptor("a"), content_of(seed, 100))));
  };
  for (const bool is_erased : {false, true}) {
    put(1);
    const std::weak_ptr<const void> content = store.get("a")->owner;
    put(1);
    EXPECT_FALSE(content.expired());
    if (is_erased) {
      ASSERT_TRUE(succeeds(store.erase("a")));
    } else {
      put(2);
    }
    EXPECT_TRUE(content.expired());
  }
}

TEST(StoreBudget, CountsEachContentOnce) {
  const auto entry = [](std::string name, std::uint64_t content, std::uint64_t n_bytes) {
    return StateEntry{.state = {.name = std::move(name)},
                      .n_bytes = n_bytes,
                      .digest = {.low = content, .high = 0}};
  };
  EXPECT_EQ(n_owned_bytes({entry("a", 1, 10), entry("b", 1, 10), entry("c", 2, 5)}, 100), 215u);
  EXPECT_EQ(n_owned_bytes({}, 100), 0u);
}

}  // namespace
}  // namespace eddy::test
