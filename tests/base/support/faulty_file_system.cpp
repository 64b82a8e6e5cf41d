#include "base/support/faulty_file_system.h"

#include <algorithm>

namespace eddy::test {

bool FaultyFileSystem::starts_failing(const char* name) {
  if (before_call) before_call();
  const auto number = static_cast<std::int64_t>(calls_.size());
  calls_.emplace_back(name);
  return fault_.first >= 0 && number >= fault_.first && number - fault_.first < fault_.n;
}

template <class Call>
SysResult FaultyFileSystem::attempt(const char* name, const Call& call) {
  return starts_failing(name) && fault_.result < 0 ? fault_.result : call();
}

SysResult FaultyFileSystem::open_to_read(const std::string& path) {
  return attempt("open_to_read", [&] { return real_.open_to_read(path); });
}
SysResult FaultyFileSystem::create(const std::string& path, unsigned mode) {
  return attempt("create", [&] { return real_.create(path, mode); });
}
SysResult FaultyFileSystem::size(int fd) {
  return attempt("size", [&] { return real_.size(fd); });
}
SysResult FaultyFileSystem::sync(int fd) {
  return attempt("sync", [&] { return real_.sync(fd); });
}
SysResult FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  return attempt("rename", [&] { return real_.rename(from, to); });
}
SysResult FaultyFileSystem::remove(const std::string& path) {
  return attempt("remove", [&] { return real_.remove(path); });
}
SysResult FaultyFileSystem::make_folder(const std::string& path, unsigned mode) {
  return attempt("make_folder", [&] { return real_.make_folder(path, mode); });
}
SysResult FaultyFileSystem::list(const std::string& path, std::vector<std::string>& names) {
  return attempt("list", [&] { return real_.list(path, names); });
}
SysResult FaultyFileSystem::lock(int fd) {
  return attempt("lock", [&] { return real_.lock(fd); });
}
SysResult FaultyFileSystem::map(int fd, std::size_t n_bytes, const std::byte** address) {
  return attempt("map", [&] { return real_.map(fd, n_bytes, address); });
}

SysResult FaultyFileSystem::close(int fd) {
  const bool fails = starts_failing("close");
  const SysResult closed = real_.close(fd);
  return fails && fault_.result < 0 ? fault_.result : closed;
}

SysResult FaultyFileSystem::write(int fd, std::span<const std::byte> bytes) {
  if (!starts_failing("write")) return real_.write(fd, bytes);
  if (fault_.result <= 0) return fault_.result;
  return real_.write(fd,
                     bytes.first(std::min(bytes.size(), static_cast<std::size_t>(fault_.result))));
}

}  // namespace eddy::test
