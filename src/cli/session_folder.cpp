#include "cli/session_folder.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/try.h"
#include "engine/session_summary.h"

namespace eddy {
namespace {

constexpr int kAttempts = 250;
constexpr std::chrono::milliseconds kPause(20);

Result<std::optional<StateEntry>> find(StateStore& store, const std::string& name) {
  EDDY_TRY_ASSIGN(const auto entries, store.list());
  const auto found = std::ranges::find_if(
      entries, [&](const StateEntry& entry) { return entry.state.name == name; });
  return found == entries.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

Result<std::string> default_store_folder() {
  namespace fs = std::filesystem;
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (data != nullptr && *data != '\0') {
    folder = data;
  } else if (home != nullptr && *home != '\0') {
    folder = fs::path(home) / ".local" / "share";
  } else {
    return fail(ErrorCode::kInvalidArgument, "no home directory: say where with --store DIR");
  }
  return (folder / "eddy" / "states").string();
}

Result<DirStore> open_store_to_write(const std::string& folder, std::uint64_t budget) {
  std::error_code ignored;  // opening says what is wrong
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  for (int i = 1;; ++i) {
    auto store = DirStore::open(posix_file_system(), folder, {.budget = budget});
    if (store || store.error().code != ErrorCode::kBusy || i == kAttempts) return store;
    std::this_thread::sleep_for(kPause);
  }
}

Result<DirStore> open_store_to_read(const std::string& folder) {
  return DirStore::open(posix_file_system(), folder, {.access = DirStore::Access::kRead});
}

Status SessionFolder::load(const std::string& name, Session& session) {
  EDDY_TRY_ASSIGN(DirStore store, open_store_to_read(folder_));
  EDDY_TRY_ASSIGN(const StoredState stored, store.get(name));
  const Status loaded = session.load(stored.bytes);
  if (!loaded) return prefixed("session " + name, loaded.error());
  known_[name] = stored.entry.digest;
  return {};
}

Status SessionFolder::save(const std::string& name, const Session& session, Overwrite overwrite) {
  EDDY_TRY_ASSIGN(const auto bytes, session.save());
  EDDY_TRY_ASSIGN(const SessionSummary summary, summarise_session(bytes));
  EDDY_TRY_ASSIGN(DirStore store, open_store_to_write(folder_));
  if (overwrite == Overwrite::kOwn) {
    EDDY_TRY_ASSIGN(const auto there, find(store, name));
    const auto known = known_.find(name);
    if (there && (known == known_.end() || known->second != there->digest)) {
      return fail(ErrorCode::kMismatch, "session {}: another program has changed it; not saved",
                  name);
    }
  }
  EDDY_TRY(store.put({.name = name,
                      .model = summary.state ? summary.state->model : ModelIdentity(),
                      .position = session.n_tokens()},
                     bytes));
  known_[name] = checksum128(bytes);
  return {};
}

std::vector<std::string> SessionFolder::names() const {
  std::vector<std::string> names;
  auto store = open_store_to_read(folder_);
  if (!store) return names;
  const auto entries = store->list();
  if (!entries) return names;
  for (const StateEntry& entry : *entries) names.push_back(entry.state.name);
  return names;
}

}  // namespace eddy
