#include "base/mapped_file.h"

#include <utility>

#include "base/retry.h"

namespace eddy {

Result<MappedFile> MappedFile::open(FileSystem& fs, const std::string& path) {
  const SysResult fd = retry([&] { return fs.open_to_read(path); });
  if (fd < 0) return file_error(path, "cannot open", fd);
  const std::byte* address = nullptr;
  const SysResult n_bytes = fs.size(static_cast<int>(fd));
  // There is no mapping of zero bytes.
  const SysResult mapped =
      n_bytes > 0 ? fs.map(static_cast<int>(fd), static_cast<std::size_t>(n_bytes), &address) : 0;
  // A mapping outlives its descriptor, and a descriptor that was only read loses nothing at close.
  fs.close(static_cast<int>(fd));
  if (n_bytes < 0) return file_error(path, "no file to be read", n_bytes);
  if (mapped < 0) return file_error(path, "cannot map", mapped);
  return MappedFile(fs, {address, static_cast<std::size_t>(n_bytes)});
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) fs_->unmap(bytes_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : fs_(other.fs_), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(fs_, other.fs_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void MappedFile::prefetch() const {
  if (!bytes_.empty()) fs_->prefetch(bytes_);
}

}  // namespace eddy
