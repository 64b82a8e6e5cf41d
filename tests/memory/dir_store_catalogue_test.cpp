// The catalogue of a DirStore, lost and damaged: it is made anew, or refused, and no content is
// lost.
#include "support/dir_store_fixture.h"

namespace eddy::test {
namespace {

namespace fs = std::filesystem;

class DirStoreCatalogue : public DirStoreTest {
 protected:
  static constexpr std::uint64_t kStates = 5;
  void SetUp() override {
    for (std::uint64_t i = 0; i < kStates; ++i) put("state " + std::to_string(i), i);
  }
  const std::vector<std::uint64_t> kAll = {0, 1, 2, 3, 4};
};

TEST_F(DirStoreCatalogue, ALostOneIsMadeAnew) {
  fs::remove(path("catalogue.sqlite3"));
  EXPECT_TRUE(fails_with(open(kToRead), ErrorCode::kNotFound));
  {
    auto store = open();
    ASSERT_TRUE(succeeds(store));
    EXPECT_TRUE(store->repairs().is_rebuilt);
    for (std::uint64_t i = 0; i < kStates; ++i) {
      expect_content(*store, "state " + std::to_string(i), i);
    }
    const auto entries = store->list();
    ASSERT_TRUE(entries.ok());
    EXPECT_EQ(entries->front().state.model, descriptor("state 0").model);
  }
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  EXPECT_FALSE(store->repairs().is_rebuilt);
  EXPECT_EQ(store->repairs().n_orphans, 0u);
  EXPECT_EQ(seeds(*store, kStates), kAll);
}

TEST_F(DirStoreCatalogue, NothingIsRemovedWhenItIsMadeAnew) {
  const std::string damaged = read_file(blob_path(1)) + "x";
  write_file(blob_path(1), damaged);
  fs::remove(path("catalogue.sqlite3"));
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  EXPECT_TRUE(store->repairs().is_rebuilt);
  EXPECT_EQ(seeds(*store, kStates), (std::vector<std::uint64_t>{0, 2, 3, 4}));
  EXPECT_EQ(read_file(blob_path(1)), damaged);
}

TEST_F(DirStoreCatalogue, OneThatIsNoneIsSetAsideAndMadeAnew) {
  for (const std::string& content : {std::string(), std::string("not a database at all"),
                                     std::string(8192, '\0'), std::string(100'000, 'x')}) {
    write_file(path("catalogue.sqlite3"), content);
    if (!content.empty()) {
      EXPECT_TRUE(fails_with(open(kToRead), ErrorCode::kMalformed, {path()}));
    }
    auto store = open();
    ASSERT_TRUE(succeeds(store));
    EXPECT_TRUE(store->repairs().is_rebuilt);
    EXPECT_NE(store->repairs().reason, "");
    EXPECT_EQ(seeds(*store, kStates), kAll);
    if (!content.empty()) {
      EXPECT_EQ(read_file(path("catalogue.damaged")), content);
    }
  }
}

// A changed byte is refused, or mended without a content lost: never taken for the truth.
TEST_F(DirStoreCatalogue, AnyDamagedByteLosesNoContent) {
  const std::string sound = read_file(path("catalogue.sqlite3"));
  ASSERT_FALSE(fs::exists(path("catalogue.sqlite3-wal")));
  const std::string spare = folder.path("spare");
  fs::copy(path("blobs"), spare);
  int n_rebuilt = 0, n_refused = 0;
  for (std::size_t i = 0; i < sound.size(); i += i < 120 ? 1 : 61) {
    std::string damaged = sound;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    write_file(path("catalogue.sqlite3"), damaged);
    {
      auto store = open();
      if (store) {
        EXPECT_EQ(seeds(*store, kStates), kAll) << "byte " << i;
        n_rebuilt += store->repairs().is_rebuilt ? 1 : 0;
      } else {
        EXPECT_NE(store.error().message.find(path()), std::string::npos) << store.error().message;
        ++n_refused;
      }
    }
    EXPECT_EQ(n_blobs(), kStates) << "byte " << i;
  }
  EXPECT_GT(n_rebuilt, 20);
  EXPECT_LT(n_refused, 10);
}

TEST_F(DirStoreCatalogue, RowsThatSomebodyElseHasChangedAreFound) {
  const auto change = [&](const char* sql) {
    auto connection = SqlConnection::open(path("catalogue.sqlite3"));
    ASSERT_TRUE(succeeds(connection));
    ASSERT_TRUE(succeeds(connection->run(sql)));
  };
  for (const char* sql :
       {"DELETE FROM state WHERE name = 'state 1'", "UPDATE state SET digest = zeroblob(16)",
        "UPDATE state SET name = 'other' WHERE name = 'state 2'", "UPDATE state SET position = 7",
        "UPDATE state SET pinned = 1", "UPDATE state SET bytes = 1", "DELETE FROM seal",
        "UPDATE state SET model = 'x'", "INSERT INTO seal VALUES (1, 1)", "DROP TABLE seal",
        "CREATE TABLE more (x)", "PRAGMA application_id = 7"}) {
    change(sql);
    EXPECT_TRUE(fails_with(open(kToRead), ErrorCode::kMalformed, {path()})) << sql;
    auto store = open();
    ASSERT_TRUE(succeeds(store)) << sql;
    EXPECT_TRUE(store->repairs().is_rebuilt) << sql;
    EXPECT_EQ(seeds(*store, kStates), kAll) << sql;
  }
  change("PRAGMA user_version = 2");
  EXPECT_TRUE(fails_with(open(kToRead), ErrorCode::kUnsupported, {"version 2"}));
  EXPECT_TRUE(fails_with(open(), ErrorCode::kUnsupported, {"version 2"}));
  EXPECT_EQ(n_blobs(), kStates);
}

TEST_F(DirStoreCatalogue, NamesThatMeetAreToldApart) {
  put("state 0", 7);
  {
    auto store = open();
    ASSERT_TRUE(succeeds(store));
    // The content that lost its name stays, as it does where a crash has kept it.
    fs::copy(blob_path(7), folder.path("kept"));
    ASSERT_TRUE(succeeds(store->put(descriptor("state 0"), content_of(8, 100))));
    fs::copy(folder.path("kept"), blob_path(7));
  }
  fs::remove(path("catalogue.sqlite3"));
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  expect_content(*store, "state 0", 8);
  const std::string digits = blob_name(checksum128(content_of(7, 100))).substr(0, 8);
  expect_content(*store, "state 0~" + digits, 7);
}

}  // namespace
}  // namespace eddy::test
