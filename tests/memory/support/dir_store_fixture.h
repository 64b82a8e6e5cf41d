// A DirStore in a folder of its own, and looks into the folder.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/support/fails_with.h"
#include "memory/blob_file.h"
#include "memory/dir_store.h"
#include "support/store_worlds.h"

namespace eddy::test {

inline const DirStore::Options kToRead = {.access = DirStore::Access::kRead};

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
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path("blobs")), {}));
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

}  // namespace eddy::test
