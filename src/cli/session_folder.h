// Conversations in a store of states, by name.
//
// The store is opened for each call and not held: several programs may keep conversations in one
// folder. A conversation that another program has changed since it was loaded is not overwritten
// unawares.
//
// Threading: the main thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "eddy/engine.h"
#include "memory/dir_store.h"

namespace eddy {

// $XDG_DATA_HOME/eddy/states, or below ~/.local/share. kInvalidArgument: there is no home.
Result<std::string> default_store_folder();

// Opens a store to write, and waits a few seconds where somebody else does. Makes the folder and
// what it lies in.
Result<DirStore> open_store_to_write(const std::string& folder, std::uint64_t budget = kNoBudget);
Result<DirStore> open_store_to_read(const std::string& folder);

class SessionFolder {
 public:
  explicit SessionFolder(std::string folder) : folder_(std::move(folder)) {}

  // Replaces the session's tokens and state. kNotFound; the errors of the store and of
  // Session::load.
  Status load(const std::string& name, Session& session);

  enum class Overwrite { kAlways, kOwn };
  // kMismatch: kOwn, and there is a conversation of this name that was neither loaded nor saved
  // here as it is now.
  Status save(const std::string& name, const Session& session, Overwrite overwrite);

  // Empty where the store cannot be read.
  std::vector<std::string> names() const;

 private:
  std::string folder_;
  std::map<std::string, Digest128> known_;  // as loaded or saved last
};

}  // namespace eddy
