#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"

namespace eddy {
namespace {

SysResult negative_errno(std::int64_t result) { return result < 0 ? -errno : result; }

class PosixFileSystem : public FileSystem {
 public:
  SysResult open_to_read(const std::string& path) override {
    return negative_errno(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  }
  SysResult create(const std::string& path, unsigned mode) override {
    return negative_errno(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, static_cast<mode_t>(mode)));
  }
  SysResult close(int fd) override { return negative_errno(::close(fd)); }

  SysResult size(int fd) override {
    struct stat status;
    if (::fstat(fd, &status) != 0) return -errno;
    if (S_ISDIR(status.st_mode)) return -EISDIR;
    return S_ISREG(status.st_mode) ? SysResult{status.st_size} : -EINVAL;
  }
  SysResult write(int fd, std::span<const std::byte> bytes) override {
    return negative_errno(::write(fd, bytes.data(), bytes.size()));
  }
  SysResult sync(int fd) override { return negative_errno(::fsync(fd)); }

  SysResult rename(const std::string& from, const std::string& to) override {
    return negative_errno(std::rename(from.c_str(), to.c_str()));
  }
  SysResult remove(const std::string& path) override {
    return negative_errno(::unlink(path.c_str()));
  }

  SysResult make_folder(const std::string& path, unsigned mode) override {
    return negative_errno(::mkdir(path.c_str(), static_cast<mode_t>(mode)));
  }
  SysResult list(const std::string& path, std::vector<std::string>& names) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) return -errno;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr) return -errno;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
  }
  SysResult lock(int fd) override { return negative_errno(::flock(fd, LOCK_EX | LOCK_NB)); }

  SysResult map(int fd, std::size_t n_bytes, const std::byte** address) override {
    void* mapped = ::mmap(nullptr, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) return -errno;
    *address = static_cast<const std::byte*>(mapped);
    return 0;
  }
  void unmap(std::span<const std::byte> bytes) override { ::munmap(writable(bytes), bytes.size()); }
  void prefetch(std::span<const std::byte> bytes) override {
    ::madvise(writable(bytes), bytes.size(), MADV_WILLNEED);
  }

 private:
  // The type that munmap and madvise ask for; they write nothing.
  static void* writable(std::span<const std::byte> bytes) {
    return const_cast<std::byte*>(bytes.data());
  }
};

}  // namespace

FileSystem& posix_file_system() {
  // Never destroyed: files of static life are closed after it would be.
  static FileSystem& file_system = *new PosixFileSystem;
  return file_system;
}

// What is there already is mapped where it is used, which costs less than doing so beforehand.
void populate(std::span<const std::byte> bytes) {
  constexpr std::uintptr_t kPageBytes = 4096;
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t first = address / kPageBytes * kPageBytes;
  const std::size_t n_bytes = address - first + bytes.size();
  std::vector<unsigned char> is_there((n_bytes + kPageBytes - 1) / kPageBytes);
  const bool is_known = ::mincore(reinterpret_cast<void*>(first), n_bytes, is_there.data()) == 0;
  if (is_known && std::ranges::all_of(is_there, [](unsigned char page) { return page % 2 == 1; })) {
    return;
  }
  // Linux before 5.14 refuses it.
  if (::madvise(reinterpret_cast<void*>(first), n_bytes, MADV_POPULATE_READ) == 0) return;
  for (std::size_t i = 0; i < bytes.size(); i += kPageBytes) {
    const volatile std::byte* touched = &bytes[i];
    [[maybe_unused]] const std::byte value = *touched;
  }
}

Error file_error(const std::string& path, const char* what, SysResult failure) {
  const auto number = static_cast<int>(-failure);
  const ErrorCode code = number == ENOENT   ? ErrorCode::kNotFound
                         : number == ENOMEM ? ErrorCode::kOutOfMemory
                                            : ErrorCode::kIo;
  return fail(code, "{}: {}: {}", path, what, std::generic_category().message(number));
}

}  // namespace eddy
