// eddy state: the conversations that eddy run keeps by name.
#include "base/try.h"
#include "cli/command.h"
#include "cli/session_folder.h"
#include "cli/state_commands.h"

namespace eddy {
namespace {

constexpr const char* kFooter = R"(Examples:
  eddy state ls
  eddy state export diary diary.session
  eddy state diff diary diary-yesterday
  eddy state plot diary --out diary.svg)";

struct Options {
  std::string folder;
  std::vector<StateCommand> actions;
};

Result<ExitCode> run(const Options& options) {
  std::string folder = options.folder;
  if (folder.empty()) {
    EDDY_TRY_ASSIGN(folder, default_store_folder());
  }
  for (const StateCommand& action : options.actions) {
    if (action.app->parsed()) return action.run(folder);
  }
  return ExitCode::kOk;
}

}  // namespace

Command add_state(CLI::App& program) {
  CLI::App* app = program.add_subcommand("state", "Look after conversations that were kept");
  const auto options = std::make_shared<Options>();
  app->add_option("--store", options->folder, "folder of kept conversations")->type_name("DIR");
  app->require_subcommand(1);
  app->footer(kFooter);
  options->actions = add_state_keeping(*app);
  for (StateCommand& looking : add_state_looking(*app)) {
    options->actions.push_back(std::move(looking));
  }
  for (const StateCommand& action : options->actions) action.app->fallthrough();
  return {.app = app, .run = [options] { return run(*options); }};
}

}  // namespace eddy
