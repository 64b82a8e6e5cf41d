// The catalogue of a DirStore: which name has which content, in an SQLite file.
//
// A row for each name, and a seal: how many rows there are, and the XOR of their checksums. SQLite
// makes changes atomic and, where it is asked for, durable (a write-ahead log, synced at each
// change); the seal finds rows that the file has lost or changed since, which SQLite does not.
//
// Threading: one thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/atomic_file.h"
#include "eddy/result.h"
#include "memory/sql.h"
#include "memory/state_store.h"

namespace eddy {

class StateCatalogue {
 public:
  // One transaction.
  struct Change {
    std::vector<StateEntry> put = {};
    std::vector<std::string> erased = {};                         // names that are there
    std::vector<std::pair<std::string, std::int64_t>> used = {};  // name, last use
  };

  // An existing file. nullopt: it is empty. kMalformed: damaged; kUnsupported: made by a later
  // version; kBusy, kIo, kOutOfMemory.
  static Result<std::optional<StateCatalogue>> open(const std::string& path, Outlives outlives);
  // An empty file becomes a catalogue with these entries, in one step.
  static Result<StateCatalogue> create(const std::string& path,
                                       const std::vector<StateEntry>& entries, Outlives outlives);

  Result<std::optional<StateEntry>> find(const std::string& name);
  Result<std::vector<StateEntry>> all();  // by name
  Result<bool> is_used(const Digest128& digest);

  // After an error nothing has changed, but the crash of the machine may still show the change.
  Status apply(const Change& change);

 private:
  explicit StateCatalogue(SqlConnection sql) : sql_(std::move(sql)) {}

  Status check();
  Status check_seal();
  Status change_rows(const Change& change);
  Status put_row(const StateEntry& entry);
  Status erase_row(const std::string& name);
  Status set_use(const std::string& name, std::int64_t last_use_us);
  Status unseal(const std::string& name);
  Status change_seal(std::int64_t n_rows, const StateEntry& entry);

  SqlConnection sql_;
};

}  // namespace eddy
