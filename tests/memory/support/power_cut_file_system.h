// The real file system, which can say at any moment what a power cut would leave of a folder:
// bytes are safe once their file is synced, names once their folder is.
//
// Threading: one thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/file_system.h"

namespace eddy::test {

class PowerCutFileSystem : public FileSystem {
 public:
  enum class Loss {
    kNothing,    // the process dies, not the machine
    kNames,      // names are what they were when their folder was synced
    kBytes,      // of files that were not synced none are there
    kHalfBytes,  // the second half of files that were not synced is something else
  };
  static constexpr Loss kLosses[] = {Loss::kNothing, Loss::kNames, Loss::kBytes, Loss::kHalfBytes};

  // Called before each call that changes something.
  std::function<void()> before_change;

  // Makes the folder `to` what is left of the folder `from`.
  void copy_after(Loss loss, const std::string& from, const std::string& to) const;

  SysResult open_to_read(const std::string& path) override;
  SysResult create(const std::string& path, unsigned mode) override;
  SysResult close(int fd) override;
  SysResult size(int fd) override { return real_.size(fd); }
  SysResult write(int fd, std::span<const std::byte> bytes) override;
  SysResult sync(int fd) override;
  SysResult rename(const std::string& from, const std::string& to) override;
  SysResult remove(const std::string& path) override;
  SysResult make_folder(const std::string& path, unsigned mode) override;
  SysResult list(const std::string& path, std::vector<std::string>& names) override {
    return real_.list(path, names);
  }
  SysResult lock(int fd) override { return real_.lock(fd); }
  SysResult map(int fd, std::size_t n_bytes, const std::byte** address) override {
    return real_.map(fd, n_bytes, address);
  }
  void unmap(std::span<const std::byte> bytes) override { real_.unmap(bytes); }
  void prefetch(std::span<const std::byte> bytes) override { real_.prefetch(bytes); }

 private:
  using Content = std::optional<std::string>;  // nullopt: there is no such file

  void note_name(const std::string& path);
  void look() const {
    if (before_change) before_change();
  }

  FileSystem& real_ = posix_file_system();
  std::map<int, std::string> paths_;        // of open descriptors
  std::map<std::string, bool> unsynced_;    // files with bytes that are not safe
  std::map<std::string, Content> earlier_;  // by path: what it names after a power cut
};

}  // namespace eddy::test
