// DirStore: what lies in its folder, who may open it, and what it makes of damage.
#include "memory/dir_store.h"

#include <atomic>
#include <thread>

#include "support/dir_store_fixture.h"

namespace eddy::test {
namespace {

namespace fs = std::filesystem;

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

TEST_F(DirStoreTest, AHeaderHasOneSpelling) {
  put("a", 1);
  std::string file = read_file(blob_path(1));
  for (const std::size_t at : {90u, 330u, 331u, 375u}) {
    std::string other = file;
    other[at] = 'x';
    const std::uint64_t sum = checksum64(std::as_bytes(std::span(other)).first(376));
    for (std::size_t i = 0; i < 8; ++i) other[376 + i] = static_cast<char>(sum >> 8 * i);
    EXPECT_TRUE(fails_with(parse_blob(std::as_bytes(std::span(other))), ErrorCode::kMalformed));
  }
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

// Removing what the disk still writes takes time: a store that is not synced does it later.
TEST_F(DirStoreTest, WithoutSyncsFilesGoWithTheNextPutUnlessTheyCameBack) {
  auto store = open({.outlives = Outlives::kProcess});
  ASSERT_TRUE(succeeds(store));
  const auto put = [&](const std::string& name, std::uint64_t seed) {
    ASSERT_TRUE(succeeds(store->put(descriptor(name), content_of(seed, 100))));
  };
  put("a", 1);
  put("b", 2);
  for (const std::string name : {"a", "b"}) ASSERT_TRUE(succeeds(store->erase(name)));
  EXPECT_EQ(n_blobs(), 2u);
  EXPECT_TRUE(fails_with(store->get("a"), ErrorCode::kNotFound));
  put("c", 1);  // the bytes of a
  EXPECT_EQ(n_blobs(), 1u);
  expect_content(*store, "c", 1);
  for (std::uint64_t i = 0; i < 100; ++i) put("many " + std::to_string(i), 10 + i);
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(succeeds(store->erase("many " + std::to_string(i))));
  }
  EXPECT_LT(n_blobs(), 20u);
  { const DirStore ends = std::move(*store); }
  EXPECT_EQ(n_blobs(), 1u);
}

}  // namespace
}  // namespace eddy::test
