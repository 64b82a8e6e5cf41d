#include "base/atomic_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/retry.h"
#include "base/try.h"

namespace eddy {
namespace {

// Other names that are tried where a temporary file of this name was left behind.
constexpr int kMaxNames = 100;

}  // namespace

Result<AtomicFile> AtomicFile::create(FileSystem& fs, const std::string& path, unsigned mode) {
  SysResult fd = -EEXIST;
  std::string temporary;
  for (int i = 0; i < kMaxNames && fd == -EEXIST; ++i) {
    temporary = fmt::format("{}.{}-{}.tmp", path, ::getpid(), i);
    fd = retry([&] { return fs.create(temporary, mode); });
  }
  if (fd < 0) return file_error(path, "cannot create", fd);
  return AtomicFile(fs, path, std::move(temporary), static_cast<int>(fd));
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) fs_.close(fd_);
  if (!temporary_.empty()) fs_.remove(temporary_);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fs_(other.fs_),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)) {}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const SysResult n_written = retry([&] { return fs_.write(fd_, bytes); });
    if (n_written < 0) return file_error(path_, "cannot write", n_written);
    // A device that takes nothing and reports nothing is full.
    if (n_written == 0) return file_error(path_, "cannot write", -ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(n_written));
  }
  return {};
}

Status AtomicFile::commit(Outlives outlives) {
  const bool syncs = outlives == Outlives::kPowerCut;
  const SysResult synced = syncs ? retry([&] { return fs_.sync(fd_); }) : 0;
  if (synced < 0) return file_error(path_, "cannot sync", synced);
  EDDY_TRY(close());
  const SysResult renamed = retry([&] { return fs_.rename(temporary_, path_); });
  if (renamed < 0) return file_error(path_, "cannot replace", renamed);
  temporary_.clear();
  return syncs ? sync_folder(fs_, folder_of(path_)) : Status();
}

Status AtomicFile::close() {
  const SysResult closed = fs_.close(std::exchange(fd_, -1));
  // The descriptor is gone also when a signal interrupts the call, and the bytes are synced.
  if (closed < 0 && closed != -EINTR) return file_error(path_, "cannot close", closed);
  return {};
}

Status atomic_write_file(FileSystem& fs, const std::string& path, std::span<const std::byte> bytes,
                         unsigned mode) {
  EDDY_TRY_ASSIGN(AtomicFile file, AtomicFile::create(fs, path, mode));
  EDDY_TRY(file.write(bytes));
  return file.commit();
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status sync_folder(FileSystem& fs, const std::string& folder) {
  const SysResult fd = retry([&] { return fs.open_to_read(folder); });
  if (fd < 0) return file_error(folder, "cannot open", fd);
  const SysResult synced = retry([&] { return fs.sync(static_cast<int>(fd)); });
  fs.close(static_cast<int>(fd));
  if (synced < 0) return file_error(folder, "cannot sync", synced);
  return {};
}

}  // namespace eddy
