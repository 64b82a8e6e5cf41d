#include "base/support/memory_file_system.h"

#include <cerrno>
#include <cstdlib>

namespace eddy::test {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void MemoryFileSystem::put(const std::string& path, std::string_view content) {
  files_[path] = std::make_shared<File>(File{std::string(content), 0666, true});
  earlier_.erase(path);
}

MemoryFileSystem::Content MemoryFileSystem::content(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? Content() : found->second->content;
}

std::vector<std::string> MemoryFileSystem::paths() const {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) paths.push_back(path);
  return paths;
}

std::set<MemoryFileSystem::Content> MemoryFileSystem::after_power_cut(
    const std::string& path) const {
  const auto left = [](const FilePtr& file) -> Content {
    if (!file) return std::nullopt;
    return file->is_synced ? file->content : std::string(kTorn);
  };
  const auto now = files_.find(path);
  std::set<Content> all = {left(now == files_.end() ? nullptr : now->second)};
  const auto earlier = earlier_.find(path);
  if (earlier == earlier_.end()) return all;
  for (const FilePtr& file : earlier->second) all.insert(left(file));
  return all;
}

SysResult MemoryFileSystem::open_to_read(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end() && !folders_.contains(path)) return -ENOENT;
  open_[next_fd_] = {found == files_.end() ? nullptr : found->second, path};
  return next_fd_++;
}

SysResult MemoryFileSystem::create(const std::string& path, unsigned mode) {
  if (!folders_.contains(folder_of(path))) return -ENOENT;
  if (files_.contains(path)) return -EEXIST;
  set_name(path, std::make_shared<File>(File{"", mode, false}));
  open_[next_fd_] = {files_[path], path};
  return next_fd_++;
}

SysResult MemoryFileSystem::close(int fd) { return open_.erase(fd) == 1 ? 0 : -EBADF; }

SysResult MemoryFileSystem::size(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) return -EBADF;
  if (!found->second.file) return -EISDIR;
  return static_cast<SysResult>(found->second.file->content.size());
}

SysResult MemoryFileSystem::write(int fd, std::span<const std::byte> bytes) {
  const auto found = open_.find(fd);
  if (found == open_.end() || !found->second.file) return -EBADF;
  File& file = *found->second.file;
  file.content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  file.is_synced = false;
  return static_cast<SysResult>(bytes.size());
}

SysResult MemoryFileSystem::sync(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) return -EBADF;
  if (found->second.file) {
    found->second.file->is_synced = true;
    return 0;
  }
  std::erase_if(earlier_,
                [&](const auto& row) { return folder_of(row.first) == found->second.path; });
  return 0;
}

SysResult MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const auto found = files_.find(from);
  if (found == files_.end() || !folders_.contains(folder_of(to))) return -ENOENT;
  set_name(to, found->second);
  set_name(from, nullptr);
  return 0;
}

SysResult MemoryFileSystem::remove(const std::string& path) {
  if (!files_.contains(path)) return -ENOENT;
  set_name(path, nullptr);
  return 0;
}

void MemoryFileSystem::set_name(const std::string& path, FilePtr file) {
  const auto found = files_.find(path);
  earlier_[path].insert(found == files_.end() ? nullptr : found->second);
  if (file) {
    files_[path] = std::move(file);
  } else {
    files_.erase(path);
  }
}

SysResult MemoryFileSystem::make_folder(const std::string& path, unsigned) {
  if (!folders_.contains(folder_of(path))) return -ENOENT;
  if (files_.contains(path)) return -EEXIST;
  return folders_.insert(path).second ? 0 : -EEXIST;
}

SysResult MemoryFileSystem::list(const std::string& path, std::vector<std::string>& names) {
  if (!folders_.contains(path)) return files_.contains(path) ? -ENOTDIR : -ENOENT;
  const auto add = [&](const std::string& entry) {
    if (entry != path && folder_of(entry) == path) names.push_back(entry.substr(path.size() + 1));
  };
  for (const auto& [file, content] : files_) add(file);
  for (const std::string& folder : folders_) add(folder);
  return 0;
}

SysResult MemoryFileSystem::lock(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) return -EBADF;
  for (const auto& [other, open] : open_) {
    if (other != fd && open.is_locked && open.file == found->second.file) return -EWOULDBLOCK;
  }
  found->second.is_locked = true;
  return 0;
}

SysResult MemoryFileSystem::map(int fd, std::size_t n_bytes, const std::byte** address) {
  const auto found = open_.find(fd);
  if (found == open_.end() || !found->second.file || n_bytes == 0) return -EINVAL;
  std::string bytes = found->second.file->content.substr(0, n_bytes);
  // No two mappings share an address, and short strings move: reserve makes them long.
  bytes.reserve(64);
  const auto* const at = reinterpret_cast<const std::byte*>(bytes.data());
  mapped_.emplace(at, std::move(bytes));
  *address = at;
  return 0;
}

void MemoryFileSystem::unmap(std::span<const std::byte> bytes) {
  const auto found = mapped_.find(bytes.data());
  // What was not taken cannot be given back.
  if (found == mapped_.end() || found->second.size() != bytes.size()) std::abort();
  mapped_.erase(found);
}

void MemoryFileSystem::prefetch(std::span<const std::byte> bytes) {
  if (!mapped_.contains(bytes.data())) std::abort();
  ++n_prefetched_;
}

}  // namespace eddy::test
