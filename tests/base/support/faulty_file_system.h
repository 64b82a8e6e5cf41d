// A file system whose calls fail on demand: call number `first`, and as many as wanted after it.
//
//   for (std::int64_t k = 0; k < n_calls; ++k) {
//     FaultyFileSystem faulty(real, {.first = k, .result = -EIO});
//     ... what is under test, with `faulty` ...
//   }
//
// Threading: one thread.
#pragma once

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace eddy::test {

struct Fault {
  std::int64_t first = -1;     // the number of the first call that fails, from 0; -1: none does
  std::int64_t n = 1;          // how many calls fail
  std::int64_t result = -EIO;  // below 0, what each gives without being done, but a close is done;
                               // otherwise a write takes at most so many bytes, others are whole
};

class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& real, Fault fault = {}) : real_(real), fault_(fault) {}

  // The calls made so far, by name: "create", "write", ... Those that cannot fail do not count.
  const std::vector<std::string>& calls() const { return calls_; }

  // Called before each call.
  std::function<void()> before_call;

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
  void unmap(std::span<const std::byte> bytes) override { real_.unmap(bytes); }
  void prefetch(std::span<const std::byte> bytes) override { real_.prefetch(bytes); }

 private:
  // Counts a call; whether it is one that fails.
  bool starts_failing(const char* name);
  template <class Call>
  SysResult attempt(const char* name, const Call& call);

  FileSystem& real_;
  Fault fault_;
  std::vector<std::string> calls_;
};

}  // namespace eddy::test
