// DirStore: a StateStore in a folder.
//
//   FOLDER/lock                 whoever writes holds its lock
//   FOLDER/catalogue.sqlite3    memory/state_catalogue.h; SQLite's log lies beside it
//   FOLDER/blobs/DIGEST.state   memory/blob_file.h; a content each
//
// A content is in its place, whole and synced, before the catalogue names it, and leaves after the
// catalogue has forgotten it. So a crash leaves at worst a content that nobody names: the next
// writer removes it (docs/decisions/0028-state-store.md). Without syncs, on request, that holds for
// the end of the process alone.
//
// I5  At most one DirStore writes to a folder, of all processes. Any number read beside it.
// I6  Folders are made with mode 0700, files with 0600.
// I7  A damaged or lost catalogue is made anew from the contents, none of which is removed then.
//
// Threading: one thread at a time uses a DirStore. Threads that read at once open one each.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "base/file_system.h"
#include "memory/state_catalogue.h"
#include "memory/state_store.h"
#include "memory/store_budget.h"

namespace eddy {

class DirStore : public StateStore {
 public:
  enum class Access : std::uint8_t {
    kRead,   // get and list; uses are not noted
    kWrite,  // makes the folder if there is none (the one it lies in must be there)
  };
  struct Options {
    Access access = Access::kWrite;
    std::uint64_t budget = kNoBudget;  // bytes of all files of contents, headers too
    // What states do. With kProcess a power cut, which the next opening survives, may take any.
    Outlives outlives = Outlives::kPowerCut;
    StoreClock now = system_clock_us;
  };
  // What opening has found and done.
  struct Repairs {
    std::size_t n_orphans = 0;  // files that nobody named; removed
    bool is_rebuilt = false;    // the catalogue was made anew
    std::string reason = {};    // why
  };

  // kBusy: another DirStore writes to the folder. To read: kNotFound, there is no store;
  // kMalformed, the catalogue is damaged (opening to write makes it anew). kUnsupported: made by a
  // later version; kIo, kOutOfMemory. fs, of all but the catalogue's own file, outlives the store.
  static Result<DirStore> open(FileSystem& fs, const std::string& folder, Options options);
  static Result<DirStore> open(FileSystem& fs, const std::string& folder) {
    return open(fs, folder, Options());
  }

  ~DirStore() override;
  DirStore(DirStore&& other) noexcept;
  DirStore& operator=(DirStore&&) = delete;

  // While a new content comes, the old ones that will make room are still there.
  Status put(const StateDescriptor& state, std::span<const std::byte> bytes) override;
  Result<StoredState> get(const std::string& name) override;
  // kIo also where the name is gone, but the file with its content could not be removed. With
  // Outlives::kProcess the file goes later, with a put or the end of the store.
  Status erase(const std::string& name) override;
  Result<std::vector<StateEntry>> list() override;

  // Removes what does not fit the budget, as a put would: also what was put under a larger one.
  // The names that went. kFull: what is pinned does not fit; the others are gone.
  Result<std::vector<std::string>> evict();

  const Repairs& repairs() const { return repairs_; }

 private:
  DirStore(FileSystem& fs, std::string folder, Options options)
      : fs_(&fs), folder_(std::move(folder)), options_(std::move(options)) {}

  Status open_to_read();
  Status open_to_write();
  Status make_folder(const std::string& folder);
  Status sync(const std::string& folder) const;
  Status take_lock();
  Status open_catalogue();
  Status make_empty_catalogue();
  Status set_damaged_aside();
  Status rebuild(const std::string& reason);
  Result<std::vector<StateEntry>> entries_of_blobs();
  Status collect_orphans();
  Status begin();

  Status check_writer() const;
  Result<StateEntry> find(const std::string& name);
  Result<StoredState> read(StateEntry entry);
  Result<std::vector<StateEntry>> make_room(const StateEntry& entry);
  StoreBudget budget() const;
  Status keep(const StateEntry& entry, std::span<const std::byte> bytes);
  bool is_sound(const StateEntry& entry);
  Status apply(StateCatalogue::Change change);
  Status remove_unused(const StateEntry& entry);
  Status remove_if_unused(const Digest128& digest);
  void remove_waiting();
  std::int64_t use();

  std::string path(std::string_view name) const;
  std::string blob_path(const Digest128& digest) const;

  FileSystem* fs_;
  std::string folder_;
  Options options_;
  int lock_ = -1;
  std::optional<StateCatalogue> catalogue_;
  std::uint64_t n_owned_ = 0;  // bytes
  std::int64_t last_use_us_ = 0;
  std::map<std::string, std::int64_t> uses_;  // gets that the catalogue does not know yet
  std::vector<Digest128> waiting_;            // contents whose names are gone, to be removed
  Repairs repairs_;
};

}  // namespace eddy
