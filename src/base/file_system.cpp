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

constexpr std::size_t kPageBytes = 4096;

std::uintptr_t first_page(std::span<const std::byte> bytes) {
  return reinterpret_cast<std::uintptr_t>(bytes.data()) / kPageBytes * kPageBytes;
}

void touch_each(std::span<const std::byte> bytes, std::size_t step) {
  for (std::size_t i = 0; i < bytes.size(); i += step) {
    const volatile std::byte* touched = &bytes[i];
    [[maybe_unused]] const std::byte value = *touched;
  }
}

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
    if (!seems_in_memory(bytes)) ::madvise(writable(bytes), bytes.size(), MADV_WILLNEED);
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

bool seems_in_memory(std::span<const std::byte> bytes) {
  constexpr std::size_t kStepBytes = 1u << 20;
  for (std::size_t i = 0; i < bytes.size(); i += kStepBytes) {
    unsigned char is_there = 0;
    const std::uintptr_t page = first_page(bytes.subspan(i));
    if (::mincore(reinterpret_cast<void*>(page), 1, &is_there) != 0) return false;
    if (is_there % 2 == 0) return false;
  }
  return true;
}

void populate(std::span<const std::byte> bytes) {
  const std::uintptr_t first = first_page(bytes);
  const std::size_t n_bytes = reinterpret_cast<std::uintptr_t>(bytes.data()) - first + bytes.size();
  // Linux before 5.14 refuses it.
  if (::madvise(reinterpret_cast<void*>(first), n_bytes, MADV_POPULATE_READ) == 0) return;
  touch_each(bytes, kPageBytes);
}

void touch(std::span<const std::byte> bytes) { touch_each(bytes, 16 * kPageBytes); }

Error file_error(const std::string& path, const char* what, SysResult failure) {
  const auto number = static_cast<int>(-failure);
  const ErrorCode code = number == ENOENT   ? ErrorCode::kNotFound
                         : number == ENOMEM ? ErrorCode::kOutOfMemory
                                            : ErrorCode::kIo;
  return fail(code, "{}: {}: {}", path, what, std::generic_category().message(number));
}

}  // namespace eddy
