// Conversations in a store of states, by name.
//
// The store is opened for each call and not held: several programs may keep conversations in one
// folder. A conversation that another program has changed since it was loaded is not overwritten
// unawares.
//
// Threading: the main thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "eddy/engine.h"
#include "engine/session_summary.h"
#include "memory/dir_store.h"

namespace CLI {
class App;
}  // namespace CLI

namespace eddy {

// Where conversations are kept, and the key that they are sealed with.
struct StorePlace {
  std::string folder;    // empty: the usual one, see with_folder()
  std::string key_file;  // empty: they are not sealed
};

// Adds --store and --key-file. `place` outlives the command.
void add_store_options(CLI::App& command, StorePlace& place);

// The place with its folder: $XDG_DATA_HOME/eddy/states, or below ~/.local/share, unless it has
// one. kInvalidArgument: there is no home.
Result<StorePlace> with_folder(StorePlace place);
Error no_folder();  // what with_folder() says where there is no home

// What a store is told of a session.
StateDescriptor descriptor_of(const std::string& name, const SessionSummary& session);

// Opens a store to write, and waits a few seconds where somebody else does. Makes the folder and
// what it lies in.
Result<DirStore> open_folder_to_write(const std::string& folder, std::uint64_t budget = kNoBudget);

// The same, behind the key where there is one.
Result<std::unique_ptr<StateStore>> open_store_to_write(const StorePlace& place);
Result<std::unique_ptr<StateStore>> open_store_to_read(const StorePlace& place);

// A state that can be looked into. kMismatch: it is sealed, and there was no key.
Result<StoredState> get_open(StateStore& store, const std::string& name);

class SessionFolder {
 public:
  explicit SessionFolder(StorePlace place) : place_(std::move(place)) {}

  // Replaces the session's tokens and state. kNotFound; the errors of the store and of
  // Session::load.
  Status load(const std::string& name, Session& session);

  enum class Overwrite { kAlways, kOwn };
  // kMismatch: kOwn, and there is a conversation of this name that was neither loaded nor saved
  // here as it is now.
  Status save(const std::string& name, const Session& session, Overwrite overwrite);

  // Empty where the store cannot be read.
  std::vector<std::string> names() const;

  // Of the conversation of this name and its branches, NAME and "NAME/...", those that there are,
  // the one that was used last at the end. The errors of the store.
  Result<std::vector<std::string>> branches_of(const std::string& name) const;

 private:
  StorePlace place_;
  std::map<std::string, Digest128> known_;  // as loaded or saved last
};

}  // namespace eddy
