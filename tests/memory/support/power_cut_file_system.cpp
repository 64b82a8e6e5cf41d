#include "support/power_cut_file_system.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/atomic_file.h"

namespace eddy::test {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> content_at(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

}  // namespace

void PowerCutFileSystem::copy_after(Loss loss, const std::string& from,
                                    const std::string& to) const {
  fs::remove_all(to);
  if (!fs::exists(from)) return;
  fs::copy(from, to, fs::copy_options::recursive);
  const auto moved = [&](const std::string& path) { return to + path.substr(from.size()); };
  if (loss == Loss::kNames) {
    for (const auto& [path, content] : earlier_) {
      if (!path.starts_with(from + "/") || !fs::exists(folder_of(moved(path)))) continue;
      fs::remove(moved(path));
      if (content) put(moved(path), *content);
    }
  }
  if (loss != Loss::kBytes && loss != Loss::kHalfBytes) return;
  for (const auto& [path, is_unsynced] : unsynced_) {
    if (!is_unsynced || !fs::exists(moved(path))) continue;
    std::string content = *content_at(path);
    const std::size_t n_left = loss == Loss::kBytes ? 0 : content.size() / 2;
    for (std::size_t i = n_left; i < content.size(); ++i) content[i] = '?';
    put(moved(path), loss == Loss::kBytes ? std::string() : content);
  }
}

SysResult PowerCutFileSystem::open_to_read(const std::string& path) {
  const SysResult fd = real_.open_to_read(path);
  if (fd >= 0) paths_[static_cast<int>(fd)] = path;
  return fd;
}

SysResult PowerCutFileSystem::create(const std::string& path, unsigned mode) {
  look();
  const SysResult fd = real_.create(path, mode);
  if (fd < 0) return fd;
  earlier_.emplace(path, std::nullopt);
  unsynced_[path] = true;
  paths_[static_cast<int>(fd)] = path;
  return fd;
}

SysResult PowerCutFileSystem::close(int fd) {
  paths_.erase(fd);
  return real_.close(fd);
}

SysResult PowerCutFileSystem::write(int fd, std::span<const std::byte> bytes) {
  look();
  unsynced_[paths_.at(fd)] = true;
  return real_.write(fd, bytes);
}

SysResult PowerCutFileSystem::sync(int fd) {
  look();
  const std::string& path = paths_.at(fd);
  const SysResult synced = real_.sync(fd);
  if (synced < 0) return synced;
  unsynced_.erase(path);
  std::erase_if(earlier_, [&](const auto& entry) { return folder_of(entry.first) == path; });
  return synced;
}

SysResult PowerCutFileSystem::rename(const std::string& from, const std::string& to) {
  look();
  note_name(from);
  note_name(to);
  const SysResult renamed = real_.rename(from, to);
  if (renamed >= 0 && unsynced_.erase(from) > 0) unsynced_[to] = true;
  return renamed;
}

SysResult PowerCutFileSystem::remove(const std::string& path) {
  look();
  note_name(path);
  const SysResult removed = real_.remove(path);
  if (removed >= 0) unsynced_.erase(path);
  return removed;
}

SysResult PowerCutFileSystem::make_folder(const std::string& path, unsigned mode) {
  look();
  return real_.make_folder(path, mode);
}

void PowerCutFileSystem::note_name(const std::string& path) {
  earlier_.emplace(path, content_at(path));
}

}  // namespace eddy::test
