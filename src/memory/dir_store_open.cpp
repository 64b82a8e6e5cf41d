// How a DirStore is opened: lock, catalogue, repairs.
#include <algorithm>
#include <cerrno>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/mapped_file.h"
#include "base/retry.h"
#include "base/try.h"
#include "memory/blob_file.h"
#include "memory/dir_store.h"
#include "memory/store_budget.h"

namespace eddy {
namespace {

constexpr unsigned kPrivateFolderMode = 0700;
constexpr std::string_view kLock = "lock";
constexpr std::string_view kBlobs = "blobs";
constexpr std::string_view kCatalogue = "catalogue.sqlite3";
constexpr std::string_view kLog = "catalogue.sqlite3-wal";
constexpr std::string_view kDamaged = "catalogue.damaged";
constexpr std::string_view kDamagedLog = "catalogue.damaged-wal";
constexpr std::size_t kDigitsInNames = 8;

// Whether DirStore has made a file of this name among the contents, finished or not.
bool is_ours(std::string_view name) {
  const std::size_t end = name.find(".state");
  if (end == name.npos || !is_blob_name(name.substr(0, end + 6))) return false;
  return name.size() == end + 6 || name.ends_with(".tmp");
}

// Of entries of one name the one that was written last keeps it; others say their digest too.
void make_names_unique(std::vector<StateEntry>& entries) {
  std::ranges::sort(entries, std::ranges::greater(), &StateEntry::last_use_us);
  std::set<std::string> taken;
  for (StateEntry& entry : entries) {
    std::string& name = entry.state.name;
    if (!taken.insert(name).second) {
      const std::string digits = blob_name(entry.digest).substr(0, kDigitsInNames);
      name = fmt::format("{}~{}", name.substr(0, kStateNameBytes - kDigitsInNames - 1), digits);
      taken.insert(name);
    }
  }
}

}  // namespace

Result<DirStore> DirStore::open(FileSystem& fs, const std::string& folder, Options options) {
  return guarded([&]() -> Result<DirStore> {
    DirStore store(fs, folder, std::move(options));
    const bool writes = store.options_.access == Access::kWrite;
    const Status opened = writes ? store.open_to_write() : store.open_to_read();
    if (!opened) return prefixed(folder, opened.error());
    return store;
  });
}

Status DirStore::open_to_read() {
  const SysResult fd = retry([&] { return fs_->open_to_read(path(kCatalogue)); });
  if (fd == -ENOENT) return fail(ErrorCode::kNotFound, "no store of states");
  if (fd < 0) return file_error(std::string(kCatalogue), "cannot open", fd);
  fs_->close(static_cast<int>(fd));
  EDDY_TRY_ASSIGN(catalogue_, StateCatalogue::open(path(kCatalogue), options_.outlives));
  if (!catalogue_) return fail(ErrorCode::kNotFound, "no store of states");
  return {};
}

Status DirStore::open_to_write() {
  EDDY_TRY(make_folder(folder_));
  EDDY_TRY(take_lock());
  EDDY_TRY(make_folder(path(kBlobs)));
  EDDY_TRY(open_catalogue());
  if (!repairs_.is_rebuilt) EDDY_TRY(collect_orphans());
  return begin();
}

Status DirStore::make_folder(const std::string& folder) {
  const SysResult made = retry([&] { return fs_->make_folder(folder, kPrivateFolderMode); });
  if (made == -EEXIST) return {};
  if (made < 0) return file_error(folder, "cannot make the folder", made);
  return sync(folder_of(folder));
}

Status DirStore::sync(const std::string& folder) const {
  if (options_.outlives == Outlives::kProcess) return {};
  return sync_folder(*fs_, folder);
}

Status DirStore::take_lock() {
  const std::string at = path(kLock);
  const SysResult made = retry([&] { return fs_->create(at, kPrivateMode); });
  if (made < 0 && made != -EEXIST) return file_error(at, "cannot create", made);
  if (made >= 0) fs_->close(static_cast<int>(made));
  const SysResult fd = retry([&] { return fs_->open_to_read(at); });
  if (fd < 0) return file_error(at, "cannot open", fd);
  const SysResult locked = retry([&] { return fs_->lock(static_cast<int>(fd)); });
  if (locked >= 0) {
    lock_ = static_cast<int>(fd);
    return {};
  }
  fs_->close(static_cast<int>(fd));
  if (locked != -EWOULDBLOCK) return file_error(at, "cannot lock", locked);
  return fail(ErrorCode::kBusy, "somebody else writes to this store of states");
}

Status DirStore::open_catalogue() {
  EDDY_TRY(make_empty_catalogue());
  auto opened = StateCatalogue::open(path(kCatalogue), options_.outlives);
  if (opened && *opened) {
    catalogue_ = std::move(*opened);
    return {};
  }
  if (opened) return rebuild("the catalogue was lost");
  if (opened.error().code != ErrorCode::kMalformed) return opened.error();
  EDDY_TRY(set_damaged_aside());
  EDDY_TRY(make_empty_catalogue());
  repairs_.is_rebuilt = true;
  return rebuild(opened.error().message);
}

// Unless there is one. Made here, so that it and SQLite's log, which takes its mode, are private.
Status DirStore::make_empty_catalogue() {
  const std::string at = path(kCatalogue);
  const SysResult made = retry([&] { return fs_->create(at, kPrivateMode); });
  if (made == -EEXIST) return {};
  if (made < 0) return file_error(at, "cannot create", made);
  fs_->close(static_cast<int>(made));
  return sync(folder_);
}

// The catalogue first: alone, its log is dropped by SQLite, while a catalogue without its log could
// be taken for a sound older one.
Status DirStore::set_damaged_aside() {
  const auto move = [&](std::string_view from, std::string_view to) {
    return retry([&] { return fs_->rename(path(from), path(to)); });
  };
  const SysResult moved = move(kCatalogue, kDamaged);
  if (moved < 0) return file_error(path(kCatalogue), "cannot rename", moved);
  const SysResult log = move(kLog, kDamagedLog);
  if (log < 0 && log != -ENOENT) return file_error(path(kLog), "cannot rename", log);
  return {};
}

Status DirStore::rebuild(const std::string& reason) {
  EDDY_TRY_ASSIGN(auto entries, entries_of_blobs());
  repairs_.is_rebuilt = repairs_.is_rebuilt || !entries.empty();
  if (repairs_.is_rebuilt) repairs_.reason = reason;
  EDDY_TRY_ASSIGN(catalogue_, StateCatalogue::create(path(kCatalogue), entries, options_.outlives));
  return {};
}

// What the files say about themselves. Damaged ones are left alone, and are orphans from now on.
Result<std::vector<StateEntry>> DirStore::entries_of_blobs() {
  std::vector<std::string> names;
  const SysResult listed = fs_->list(path(kBlobs), names);
  if (listed < 0) return file_error(path(kBlobs), "cannot list", listed);
  std::vector<StateEntry> entries;
  for (const std::string& name : names) {
    if (!is_blob_name(name)) continue;
    EDDY_TRY_ASSIGN(const auto file, MappedFile::open(*fs_, path(kBlobs) + "/" + name));
    auto blob = parse_blob(file.bytes());
    if (blob && blob_name(blob->entry.digest) == name) entries.push_back(std::move(blob->entry));
  }
  make_names_unique(entries);
  return entries;
}

Status DirStore::collect_orphans() {
  EDDY_TRY_ASSIGN(const auto entries, catalogue_->all());
  std::set<std::string> used;
  for (const StateEntry& entry : entries) used.insert(blob_name(entry.digest));
  std::vector<std::string> names;
  const SysResult listed = fs_->list(path(kBlobs), names);
  if (listed < 0) return file_error(path(kBlobs), "cannot list", listed);
  for (const std::string& name : names) {
    if (used.contains(name) || !is_ours(name)) continue;
    const std::string at = path(kBlobs) + "/" + name;
    const SysResult removed = retry([&] { return fs_->remove(at); });
    if (removed < 0) return file_error(at, "cannot remove", removed);
    ++repairs_.n_orphans;
  }
  return {};
}

Status DirStore::begin() {
  EDDY_TRY_ASSIGN(const auto entries, catalogue_->all());
  n_owned_ = n_owned_bytes(entries, kBlobHeaderBytes);
  for (const StateEntry& entry : entries) last_use_us_ = std::max(last_use_us_, entry.last_use_us);
  return {};
}

}  // namespace eddy
