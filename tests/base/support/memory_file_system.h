// A file system in memory. It counts its open descriptors and mappings, and knows what a power cut
// would leave: bytes are safe once their file is synced, names once their folder is.
//
// Threading: one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"

namespace eddy::test {

class MemoryFileSystem : public FileSystem {
 public:
  // The content that a power cut may leave of a file that was not synced.
  static constexpr std::string_view kTorn = "(torn)";
  using Content = std::optional<std::string>;  // nullopt: there is no such file

  void add_folder(const std::string& path) { folders_.insert(path); }
  // A file that is safe.
  void put(const std::string& path, std::string_view content);

  Content content(const std::string& path) const;
  std::vector<std::string> paths() const;
  unsigned mode(const std::string& path) const { return files_.at(path)->mode; }
  std::size_t n_open() const { return open_.size(); }
  std::size_t n_mapped() const { return mapped_.size(); }
  int n_prefetched() const { return n_prefetched_; }

  // All that the path may have after a power cut now.
  std::set<Content> after_power_cut(const std::string& path) const;

  SysResult open_to_read(const std::string& path) override;
  SysResult create(const std::string& path, unsigned mode) override;
  SysResult close(int fd) override;
  SysResult size(int fd) override;
  SysResult write(int fd, std::span<const std::byte> bytes) override;
  SysResult sync(int fd) override;
  SysResult rename(const std::string& from, const std::string& to) override;
  SysResult remove(const std::string& path) override;
  SysResult make_folder(const std::string& path, unsigned mode) override;
  SysResult list(const std::string& path, std::vector<std::string>& names) override;
  SysResult lock(int fd) override;
  SysResult map(int fd, std::size_t n_bytes, const std::byte** address) override;
  void unmap(std::span<const std::byte> bytes) override;
  void prefetch(std::span<const std::byte> bytes) override;

 private:
  struct File {
    std::string content;
    unsigned mode = 0;
    bool is_synced = false;
  };
  using FilePtr = std::shared_ptr<File>;
  struct Open {
    FilePtr file;  // nullptr: a folder
    std::string path;
    bool is_locked = false;
  };

  // Makes the path name the file; nullptr: nothing. A power cut may undo it.
  void set_name(const std::string& path, FilePtr file);

  std::set<std::string> folders_ = {".", "/"};
  std::map<std::string, FilePtr> files_;
  std::map<std::string, std::set<FilePtr>> earlier_;  // by path: what a power cut may bring back
  std::map<int, Open> open_;
  std::map<const std::byte*, std::string> mapped_;
  int next_fd_ = 3;
  int n_prefetched_ = 0;
};

}  // namespace eddy::test
