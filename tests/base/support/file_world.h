// Two places for the same tests of files: a folder on the disk, and one in memory. Names are those
// of files in the folder.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/support/memory_file_system.h"
#include "base/support/temporary_folder.h"

namespace eddy::test {

class DiskWorld {
 public:
  FileSystem& fs() { return posix_file_system(); }
  const std::string& folder() const { return folder_.path(); }
  std::string path(std::string_view name) const { return folder_.path(name); }
  void put(std::string_view name, std::string_view content) { folder_.put(name, content); }
  std::optional<std::string> content(std::string_view name) const { return folder_.content(name); }
  std::set<std::string> names() const { return folder_.names(); }
  std::ptrdiff_t n_open() const { return n_open_descriptors() - n_open_at_start_; }

 private:
  TemporaryFolder folder_;
  std::ptrdiff_t n_open_at_start_ = n_open_descriptors();
};

class MemoryWorld {
 public:
  MemoryWorld() { fs_.add_folder(folder_); }

  MemoryFileSystem& fs() { return fs_; }
  const std::string& folder() const { return folder_; }
  std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  void put(std::string_view name, std::string_view content) { fs_.put(path(name), content); }
  std::optional<std::string> content(std::string_view name) const {
    return fs_.content(path(name));
  }
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const std::string& path : fs_.paths()) names.insert(path.substr(folder_.size() + 1));
    return names;
  }
  std::ptrdiff_t n_open() const {
    return static_cast<std::ptrdiff_t>(fs_.n_open() + fs_.n_mapped());
  }

 private:
  std::string folder_ = "folder";
  MemoryFileSystem fs_;
};

}  // namespace eddy::test
