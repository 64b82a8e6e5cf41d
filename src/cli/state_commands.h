// The actions of eddy state, two families in two files.
//
// Threading: the main thread.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/session_folder.h"
#include "eddy/result.h"

namespace eddy {

// An action: its options and what it does in a store.
// A model's identity in hexadecimal digits.
std::string identity_text(const ModelIdentity& model);

struct StateCommand {
  CLI::App* app = nullptr;
  std::function<Result<ExitCode>(const StorePlace& place)> run;
};

// ls, verify, export, import, rm, gc: states as files.
std::vector<StateCommand> add_state_keeping(CLI::App& state);
// show, diff, plot: what is in them.
std::vector<StateCommand> add_state_looking(CLI::App& state);

}  // namespace eddy
