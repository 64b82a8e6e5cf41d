#include "cli/session_folder.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/try.h"
#include "memory/sealed_store.h"

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

Result<std::vector<StateEntry>> entries_of(const StorePlace& place) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  return store->list();
}

// The key first: without it no store is made.
template <class Open>
Result<std::unique_ptr<StateStore>> behind_key(const StorePlace& place, const Open& open) {
  std::optional<SealKey> key;
  if (!place.key_file.empty()) {
    auto read = SealKey::read(posix_file_system(), place.key_file);
    // A key that is not there is no conversation that is not there.
    if (!read) return Error{ErrorCode::kIo, "key file " + read.error().message};
    key = std::move(*read);
  }
  EDDY_TRY_ASSIGN(DirStore opened, open());
  std::unique_ptr<StateStore> store = std::make_unique<DirStore>(std::move(opened));
  if (key) store = std::make_unique<SealedStore>(std::move(store), std::move(*key));
  return store;
}

}  // namespace

void add_store_options(CLI::App& command, StorePlace& place) {
  command.add_option("--store", place.folder, "folder of kept conversations")->type_name("DIR");
  command
      .add_option("--key-file", place.key_file,
                  "file of at least 32 random bytes that seals what is kept")
      ->type_name("FILE");
}

Error no_folder() {
  return fail(ErrorCode::kInvalidArgument, "no home directory: say where with --store DIR");
}

Result<StorePlace> with_folder(StorePlace place) {
  namespace fs = std::filesystem;
  if (!place.folder.empty()) return place;
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  fs::path folder;
  if (data != nullptr && *data != '\0') {
    folder = data;
  } else if (home != nullptr && *home != '\0') {
    folder = fs::path(home) / ".local" / "share";
  } else {
    return no_folder();
  }
  place.folder = (folder / "eddy" / "states").string();
  return place;
}

Result<DirStore> open_folder_to_write(const std::string& folder, std::uint64_t budget) {
  std::error_code ignored;  // opening says what is wrong
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  for (int i = 1;; ++i) {
    auto store = DirStore::open(posix_file_system(), folder, {.budget = budget});
    if (store || store.error().code != ErrorCode::kBusy || i == kAttempts) return store;
    std::this_thread::sleep_for(kPause);
  }
}

Result<std::unique_ptr<StateStore>> open_store_to_write(const StorePlace& place) {
  return behind_key(place, [&] { return open_folder_to_write(place.folder); });
}

Result<std::unique_ptr<StateStore>> open_store_to_read(const StorePlace& place) {
  return behind_key(place, [&]() -> Result<DirStore> {
    auto store =
        DirStore::open(posix_file_system(), place.folder, {.access = DirStore::Access::kRead});
    if (store || store.error().code != ErrorCode::kMalformed) return store;
    return fail(ErrorCode::kMalformed, "{}; eddy state gc makes the catalogue anew",
                store.error().message);
  });
}

Result<StoredState> get_open(StateStore& store, const std::string& name) {
  auto stored = store.get(name);
  if (!stored || !is_sealed(stored->bytes)) return stored;
  return fail(ErrorCode::kMismatch, "state {}: it is sealed, say with what by --key-file FILE",
              name);
}

StateDescriptor descriptor_of(const std::string& name, const SessionSummary& session) {
  return {.name = name,
          .model = session.state ? session.state->model : ModelIdentity(),
          .position = static_cast<Pos>(session.record.tokens.size())};
}

Status SessionFolder::load(const std::string& name, Session& session) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place_));
  EDDY_TRY_ASSIGN(const StoredState stored, get_open(*store, name));
  const Status loaded = session.load(stored.bytes);
  if (!loaded) return prefixed("session " + name, loaded.error());
  known_[name] = stored.entry.digest;
  return {};
}

Status SessionFolder::save(const std::string& name, const Session& session, Overwrite overwrite) {
  EDDY_TRY_ASSIGN(const auto bytes, session.save());
  EDDY_TRY_ASSIGN(const SessionSummary summary, summarise_session(bytes));
  EDDY_TRY_ASSIGN(const auto store, open_store_to_write(place_));
  if (overwrite == Overwrite::kOwn) {
    EDDY_TRY_ASSIGN(const auto there, find(*store, name));
    const auto known = known_.find(name);
    if (there && (known == known_.end() || known->second != there->digest)) {
      return fail(ErrorCode::kMismatch, "session {}: another program has changed it; not saved",
                  name);
    }
  }
  EDDY_TRY(store->put(descriptor_of(name, summary), bytes));
  EDDY_TRY_ASSIGN(const auto kept, find(*store, name));
  if (kept) known_[name] = kept->digest;
  return {};
}

std::vector<std::string> SessionFolder::names() const {
  std::vector<std::string> names;
  const auto entries = entries_of(place_);
  if (!entries) return names;
  for (const StateEntry& entry : *entries) names.push_back(entry.state.name);
  return names;
}

Result<std::vector<std::string>> SessionFolder::branches_of(const std::string& name) const {
  std::vector<std::string> names;
  auto entries = entries_of(place_);
  if (!entries && entries.error().code == ErrorCode::kNotFound) return names;
  if (!entries) return entries.error();
  std::ranges::sort(*entries, {}, &StateEntry::last_use_us);
  for (const StateEntry& entry : *entries) {
    const std::string& other = entry.state.name;
    if (other == name || other.starts_with(name + "/")) names.push_back(other);
  }
  return names;
}

}  // namespace eddy
