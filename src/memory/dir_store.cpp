#include "memory/dir_store.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/mapped_file.h"
#include "base/retry.h"
#include "base/try.h"
#include "memory/blob_file.h"

namespace eddy {
namespace {

constexpr int kReadAttempts = 8;          // a writer may replace a state while it is looked for
constexpr std::size_t kMostWaiting = 16;  // files to be removed

}  // namespace

DirStore::~DirStore() {
  remove_waiting();
  if (catalogue_ && !uses_.empty()) (void)apply({}).ok();  // uses may be forgotten
  catalogue_.reset();
  if (lock_ >= 0) fs_->close(lock_);
}

DirStore::DirStore(DirStore&& other) noexcept
    : fs_(other.fs_),
      folder_(std::move(other.folder_)),
      options_(std::move(other.options_)),
      lock_(std::exchange(other.lock_, -1)),
      catalogue_(std::exchange(other.catalogue_, std::nullopt)),
      n_owned_(other.n_owned_),
      last_use_us_(other.last_use_us_),
      uses_(std::move(other.uses_)),
      waiting_(std::move(other.waiting_)),
      repairs_(std::move(other.repairs_)) {}

Status DirStore::put(const StateDescriptor& state, std::span<const std::byte> bytes) {
  return guarded([&]() -> Status {
    EDDY_TRY(check_writer());
    EDDY_TRY(check_state_name(state.name));
    const StateEntry entry = {.state = state,
                              .n_bytes = bytes.size(),
                              .digest = checksum128(bytes),
                              .last_use_us = use()};
    EDDY_TRY_ASSIGN(const auto old, catalogue_->find(state.name));
    EDDY_TRY_ASSIGN(const auto victims, make_room(entry));
    EDDY_TRY_ASSIGN(const bool is_known, catalogue_->is_used(entry.digest));
    if (!is_known || !is_sound(entry)) EDDY_TRY(keep(entry, bytes));
    StateCatalogue::Change change = {.put = {entry}};
    for (const StateEntry& victim : victims) change.erased.push_back(victim.state.name);
    EDDY_TRY(apply(std::move(change)));
    if (!is_known) n_owned_ += entry.n_bytes + kBlobHeaderBytes;
    // What cannot be removed now is an orphan, and goes when the store is opened next.
    if (old) (void)remove_unused(*old).ok();
    for (const StateEntry& victim : victims) (void)remove_unused(victim).ok();
    remove_waiting();
    return {};
  });
}

Result<StoredState> DirStore::get(const std::string& name) {
  return guarded([&]() -> Result<StoredState> {
    EDDY_TRY_ASSIGN(StateEntry entry, find(name));
    for (int i = 1;; ++i) {
      auto stored = read(entry);
      if (stored) {
        if (lock_ >= 0) stored->entry.last_use_us = uses_[name] = use();
        return stored;
      }
      EDDY_TRY_ASSIGN(StateEntry again, find(name));
      if (again.digest == entry.digest || i == kReadAttempts) return stored;
      entry = std::move(again);
    }
  });
}

Status DirStore::erase(const std::string& name) {
  return guarded([&]() -> Status {
    EDDY_TRY(check_writer());
    EDDY_TRY_ASSIGN(const StateEntry entry, find(name));
    EDDY_TRY(apply({.erased = {name}}));
    return remove_unused(entry);
  });
}

Result<std::vector<StateEntry>> DirStore::list() {
  return guarded([&]() -> Result<std::vector<StateEntry>> {
    EDDY_TRY_ASSIGN(auto entries, catalogue_->all());
    for (StateEntry& entry : entries) {
      const auto used = uses_.find(entry.state.name);
      if (used != uses_.end()) entry.last_use_us = used->second;
    }
    return entries;
  });
}

Status DirStore::check_writer() const {
  if (lock_ >= 0) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: the store was opened to read", folder_);
}

Result<StateEntry> DirStore::find(const std::string& name) {
  EDDY_TRY_ASSIGN(auto entry, catalogue_->find(name));
  if (!entry) return no_such_state(name);
  return std::move(*entry);
}

Result<StoredState> DirStore::read(StateEntry entry) {
  const std::string at = blob_path(entry.digest);
  auto file = MappedFile::open(*fs_, at);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kMalformed, "state {}: its file is gone: {}", entry.state.name, at);
  }
  if (!file) return file.error();
  const auto blob = parse_blob(file->bytes());
  if (!blob) return prefixed(at, blob.error());
  if (blob->entry.digest != entry.digest) {
    return fail(ErrorCode::kMalformed, "{}: the file has another state's bytes", at);
  }
  return StoredState{.entry = std::move(entry),
                     .bytes = blob->content,
                     .owner = std::make_shared<const MappedFile>(std::move(*file))};
}

Result<std::vector<StateEntry>> DirStore::make_room(const StateEntry& entry) {
  const std::uint64_t n_free = options_.budget - std::min(options_.budget, n_owned_);
  const std::uint64_t n_wanted = entry.n_bytes + kBlobHeaderBytes;
  if (n_wanted <= n_free) return std::vector<StateEntry>();
  EDDY_TRY_ASSIGN(auto entries, list());
  return choose_victims(std::move(entries), entry, budget());
}

StoreBudget DirStore::budget() const {
  return {.n_bytes = options_.budget, .n_overhead = kBlobHeaderBytes};
}

Result<std::vector<std::string>> DirStore::evict() {
  return guarded([&]() -> Result<std::vector<std::string>> {
    EDDY_TRY(check_writer());
    EDDY_TRY_ASSIGN(auto entries, list());
    const std::vector<StateEntry> victims = oldest_over(std::move(entries), budget());
    StateCatalogue::Change change;
    for (const StateEntry& victim : victims) change.erased.push_back(victim.state.name);
    std::vector<std::string> names = change.erased;
    EDDY_TRY(apply(std::move(change)));
    for (const StateEntry& victim : victims) EDDY_TRY(remove_unused(victim));
    if (n_owned_ <= options_.budget) return names;
    return fail(ErrorCode::kFull, "{}: {} bytes are pinned, more than the budget of {}", folder_,
                n_owned_, options_.budget);
  });
}

// A file that the catalogue does not name is written again: it may not be synced.
Status DirStore::keep(const StateEntry& entry, std::span<const std::byte> bytes) {
  EDDY_TRY_ASSIGN(AtomicFile file, AtomicFile::create(*fs_, blob_path(entry.digest), kPrivateMode));
  EDDY_TRY(file.write(encode_blob_header(entry)));
  EDDY_TRY(file.write(bytes));
  return file.commit(options_.outlives);
}

bool DirStore::is_sound(const StateEntry& entry) { return read(entry).ok(); }

Status DirStore::apply(StateCatalogue::Change change) {
  change.used.assign(uses_.begin(), uses_.end());
  const Status applied = catalogue_->apply(change);
  if (!applied) return prefixed(folder_, applied.error());
  uses_.clear();
  return {};
}

// Removes the content of an entry that has left the catalogue, unless another entry has it too.
// While the disk writes it that takes milliseconds: without syncs nobody waits for it.
Status DirStore::remove_unused(const StateEntry& entry) {
  EDDY_TRY_ASSIGN(const bool is_used, catalogue_->is_used(entry.digest));
  if (is_used) return {};
  n_owned_ -= entry.n_bytes + kBlobHeaderBytes;
  if (options_.outlives == Outlives::kPowerCut) return remove_if_unused(entry.digest);
  if (waiting_.size() >= kMostWaiting) remove_waiting();
  waiting_.push_back(entry.digest);
  return {};
}

Status DirStore::remove_if_unused(const Digest128& digest) {
  EDDY_TRY_ASSIGN(const bool is_used, catalogue_->is_used(digest));  // it may have come back
  if (is_used) return {};
  const std::string at = blob_path(digest);
  const SysResult removed = retry([&] { return fs_->remove(at); });
  if (removed < 0 && removed != -ENOENT) return file_error(at, "cannot remove", removed);
  return {};
}

// What cannot be removed now is an orphan, and goes when the store is opened next.
void DirStore::remove_waiting() {
  for (const Digest128& digest : waiting_) {
    (void)guarded([&] { return remove_if_unused(digest); }).ok();
  }
  waiting_.clear();
}

std::int64_t DirStore::use() { return last_use_us_ = std::max(options_.now(), last_use_us_ + 1); }

std::string DirStore::path(std::string_view name) const {
  return folder_ + "/" + std::string(name);
}

std::string DirStore::blob_path(const Digest128& digest) const {
  return path("blobs/" + blob_name(digest));
}

}  // namespace eddy
