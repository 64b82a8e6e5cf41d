// DirStore: what lies in its folder, who may open it, and what it makes of damage.
#include "memory/dir_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/support/fails_with.h"
#include "memory/blob_file.h"
#include "support/store_worlds.h"

namespace eddy::test {
namespace {

namespace fs = std::filesystem;

const DirStore::Options kToRead = {.access = DirStore::Access::kRead};

class DirStoreTest : public ::testing::Test {
 protected:
  Result<DirStore> open(const DirStore::Options& options = {}) {
    return DirStore::open(posix_file_system(), path(), options);
  }
  void put(const std::string& name, std::uint64_t seed, std::size_t n_bytes = 100) {
    auto store = open();
    ASSERT_TRUE(succeeds(store));
    ASSERT_TRUE(succeeds(store->put(descriptor(name), content_of(seed, n_bytes))));
  }
  static void expect_content(DirStore& store, const std::string& name, std::uint64_t seed,
                             std::size_t n_bytes = 100) {
    const auto stored = store.get(name);
    ASSERT_TRUE(succeeds(stored));
    EXPECT_TRUE(std::ranges::equal(stored->bytes, content_of(seed, n_bytes))) << name;
  }
  // The seeds of all that can be read.
  static std::vector<std::uint64_t> seeds(DirStore& store, std::uint64_t n_seeds) {
    std::vector<std::uint64_t> found;
    const auto entries = store.list();
    if (!entries) return found;
    for (const StateEntry& entry : *entries) {
      const auto stored = store.get(entry.state.name);
      for (std::uint64_t seed = 0; stored && seed < n_seeds; ++seed) {
        if (std::ranges::equal(stored->bytes, content_of(seed, 100))) found.push_back(seed);
      }
    }
    std::ranges::sort(found);
    return found;
  }

  std::string path() const { return folder.path("store"); }
  std::string path(const std::string& name) const { return path() + "/" + name; }
  std::string blob_path(std::uint64_t seed, std::size_t n_bytes = 100) const {
    return path("blobs/" + blob_name(checksum128(content_of(seed, n_bytes))));
  }
  std::size_t n_blobs() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path("blobs")), {}));
  }
  static unsigned mode(const std::string& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777u : 0;
  }
  static std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write_file(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  }

  TemporaryFolder folder{quick_place()};
};

TEST_F(DirStoreTest, IsThereAgainAfterTheProcess) {
  put("a", 1);
  put("b", 2, 0);
  put("a", 3);
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  expect_content(*store, "a", 3);
  expect_content(*store, "b", 2, 0);
  EXPECT_EQ(store->list()->size(), 2u);
  EXPECT_FALSE(store->repairs().is_rebuilt);
  EXPECT_EQ(store->repairs().n_orphans, 0u);
}

TEST_F(DirStoreTest, IsPrivate) {
  const mode_t before = ::umask(0);
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  ASSERT_TRUE(succeeds(store->put(descriptor("a"), content_of(1, 100))));
  ::umask(before);
  EXPECT_EQ(mode(path()), 0700u);
  EXPECT_EQ(mode(path("blobs")), 0700u);
  std::size_t n_files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path())) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(mode(entry.path().string()), 0600u) << entry.path();
    ++n_files;
  }
  EXPECT_EQ(n_files, 5u);  // lock, catalogue, its log and the log's index, a content
}

TEST_F(DirStoreTest, EqualBytesLieInOneFileUntilTheLastNameGoes) {
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  for (const std::string name : {"a", "b", "c"}) {
    ASSERT_TRUE(succeeds(store->put(descriptor(name), content_of(1, 100))));
  }
  EXPECT_EQ(n_blobs(), 1u);
  ASSERT_TRUE(succeeds(store->put(descriptor("a"), content_of(2, 100))));
  EXPECT_EQ(n_blobs(), 2u);
  ASSERT_TRUE(succeeds(store->erase("b")));
  expect_content(*store, "c", 1);
  EXPECT_EQ(n_blobs(), 2u);
  ASSERT_TRUE(succeeds(store->erase("c")));
  EXPECT_EQ(n_blobs(), 1u);
}

TEST_F(DirStoreTest, TheBudgetHoldsForWhatLiesInTheFolder) {
  constexpr std::uint64_t kBudget = 20'000;
  auto store = open({.budget = kBudget});
  ASSERT_TRUE(succeeds(store));
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::string name = "state " + std::to_string(i % 23);
    ASSERT_TRUE(succeeds(store->put(descriptor(name), content_of(i % 31, 300 * (i % 11)))));
    std::uintmax_t n_bytes = 0;
    for (const auto& blob : fs::directory_iterator(path("blobs"))) n_bytes += blob.file_size();
    EXPECT_LE(n_bytes, kBudget);
    EXPECT_GT(n_bytes + 4000, std::min<std::uint64_t>(kBudget, 600 * i));
  }
}

TEST_F(DirStoreTest, UsesAreKept) {
  put("a", 1);
  put("b", 2);
  {
    auto store = open();
    ASSERT_TRUE(succeeds(store));
    expect_content(*store, "a", 1);
  }
  auto store = open(kToRead);
  ASSERT_TRUE(succeeds(store));
  const auto entries = store->list();
  ASSERT_TRUE(entries.ok());
  EXPECT_GT((*entries)[0].last_use_us, (*entries)[1].last_use_us);
}

TEST_F(DirStoreTest, AFolderThatCannotBeMadeIsAnError) {
  EXPECT_TRUE(fails_with(DirStore::open(posix_file_system(), folder.path("missing/store")),
                         ErrorCode::kNotFound, {folder.path("missing/store")}));
  folder.put("file", "");
  EXPECT_TRUE(fails_with(DirStore::open(posix_file_system(), folder.path("file")), ErrorCode::kIo,
                         {folder.path("file")}));
}

// --- Readers and writers ------------------------------------------------------------------------

TEST_F(DirStoreTest, ASecondWriterIsRefused) {
  {
    auto store = open();
    ASSERT_TRUE(succeeds(store));
    EXPECT_TRUE(fails_with(open(), ErrorCode::kBusy, {path()}));
    DirStore moved = std::move(*store);
    EXPECT_TRUE(fails_with(open(), ErrorCode::kBusy));
    ASSERT_TRUE(succeeds(moved.put(descriptor("a"), content_of(1, 100))));
  }
  EXPECT_TRUE(succeeds(open()));
}

TEST_F(DirStoreTest, AReaderReadsBesideTheWriterAndChangesNothing) {
  EXPECT_TRUE(fails_with(open(kToRead), ErrorCode::kNotFound, {path()}));
  EXPECT_FALSE(fs::exists(path()));
  auto writer = open();
  ASSERT_TRUE(succeeds(writer));
  ASSERT_TRUE(succeeds(writer->put(descriptor("a"), content_of(1, 100))));
  auto reader = open(kToRead);
  ASSERT_TRUE(succeeds(reader));
  expect_content(*reader, "a", 1);
  ASSERT_TRUE(succeeds(writer->put(descriptor("a"), content_of(2, 100))));
  expect_content(*reader, "a", 2);
  EXPECT_TRUE(fails_with(reader->put(descriptor("b"), content_of(2, 100)),
                         ErrorCode::kInvalidArgument, {path()}));
  EXPECT_TRUE(fails_with(reader->erase("a"), ErrorCode::kInvalidArgument));
}

TEST_F(DirStoreTest, ReadersRunWhileTheWriterReplaces) {
  put("a", 0);
  std::atomic<bool> is_done = false;
  std::atomic<int> n_read = 0;
  const auto read = [&] {
    auto reader = open(kToRead);
    ASSERT_TRUE(succeeds(reader));
    std::uint64_t last = 0;
    while (!is_done || n_read < 10) {
      const auto stored = reader->get("a");
      ASSERT_TRUE(succeeds(stored));
      const auto version = static_cast<std::uint64_t>(stored->entry.state.position) - 1;
      EXPECT_TRUE(std::ranges::equal(stored->bytes, content_of(version, 100)));
      EXPECT_GE(version, last);
      last = version;
      ++n_read;
    }
  };
  std::thread one(read), two(read);
  auto writer = open();
  ASSERT_TRUE(succeeds(writer));
  for (std::uint64_t i = 1; i < 50; ++i) {
    EXPECT_TRUE(
        succeeds(writer->put(descriptor("a", static_cast<Pos>(i) + 1), content_of(i, 100))));
  }
  is_done = true;
  one.join();
  two.join();
  EXPECT_GE(n_read, 10);
}

// --- Damage to contents -------------------------------------------------------------------------

TEST_F(DirStoreTest, EveryFlippedBitOfAContentIsFound) {
  put("a", 1, 40);
  auto store = open(kToRead);
  ASSERT_TRUE(succeeds(store));
  const std::string sound = read_file(blob_path(1, 40));
  ASSERT_EQ(sound.size(), kBlobHeaderBytes + 40);
  for (std::size_t i = 0; i < sound.size() * 8; ++i) {
    std::string damaged = sound;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << i % 8));
    EXPECT_TRUE(fails_with(parse_blob(std::as_bytes(std::span(damaged))), ErrorCode::kMalformed))
        << "bit " << i;
    if (i % 101 != 0) continue;
    write_file(blob_path(1, 40), damaged);
    EXPECT_TRUE(fails_with(store->get("a"), ErrorCode::kMalformed, {blob_path(1, 40)}));
  }
  write_file(blob_path(1, 40), sound);
  expect_content(*store, "a", 1, 40);
}

TEST_F(DirStoreTest, ATornContentIsFound) {
  put("a", 1);
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  const std::string sound = read_file(blob_path(1));
  for (std::size_t n = 0; n < sound.size(); ++n) {
    write_file(blob_path(1), sound.substr(0, n));
    EXPECT_TRUE(fails_with(store->get("a"), ErrorCode::kMalformed, {blob_path(1)})) << n;
  }
  write_file(blob_path(1), sound + "x");
  EXPECT_TRUE(fails_with(store->get("a"), ErrorCode::kMalformed));
  fs::remove(blob_path(1));
  EXPECT_TRUE(fails_with(store->get("a"), ErrorCode::kMalformed, {"a", blob_path(1)}));
}

TEST_F(DirStoreTest, AnotherStatesBytesAreFound) {
  put("a", 1);
  put("b", 2);
  fs::copy(blob_path(2), blob_path(1), fs::copy_options::overwrite_existing);
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  EXPECT_TRUE(fails_with(store->get("a"), ErrorCode::kMalformed, {blob_path(1)}));
  expect_content(*store, "b", 2);
}

TEST_F(DirStoreTest, PuttingADamagedContentAgainMendsIt) {
  put("a", 1);
  write_file(blob_path(1), "torn");
  put("b", 1);
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  expect_content(*store, "a", 1);
  expect_content(*store, "b", 1);
}

TEST_F(DirStoreTest, ALaterVersionIsRefused) {
  put("a", 1);
  std::string file = read_file(blob_path(1));
  file[8] = 2;
  const std::uint64_t sum = checksum64(std::as_bytes(std::span(file)).first(376));
  for (std::size_t i = 0; i < 8; ++i) file[376 + i] = static_cast<char>(sum >> 8 * i);
  EXPECT_TRUE(fails_with(parse_blob(std::as_bytes(std::span(file))), ErrorCode::kUnsupported,
                         {"version 2"}));
}

TEST_F(DirStoreTest, OrphansAreCollectedAndStrangersAreNot) {
  put("a", 1);
  put("b", 2);
  const std::string orphan = blob_path(9);
  fs::copy(blob_path(1), orphan);
  write_file(orphan + ".4711-0.tmp", "half");
  write_file(path("blobs/notes.txt"), "a person's");
  write_file(path("blobs/other.state"), "a person's");
  {
    auto reader = open(kToRead);
    ASSERT_TRUE(succeeds(reader));
    EXPECT_EQ(n_blobs(), 6u);
  }
  auto store = open();
  ASSERT_TRUE(succeeds(store));
  EXPECT_EQ(store->repairs().n_orphans, 2u);
  EXPECT_FALSE(store->repairs().is_rebuilt);
  EXPECT_EQ(n_blobs(), 4u);
  expect_content(*store, "a", 1);
  expect_content(*store, "b", 2);
}

// --- Damage to the catalogue --------------------------------------------------------------------

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
