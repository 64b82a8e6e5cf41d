// eddy state: the conversations that eddy run keeps by name.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/try.h"
#include "cli/command.h"
#include "cli/session_folder.h"
#include "cli/state_commands.h"

namespace eddy {
namespace {

constexpr const char* kStateFooter = R"(Examples:
  eddy state ls
  eddy state export diary diary.session
  eddy state diff diary diary-yesterday
  eddy state plot diary --out diary.svg)";

struct StateArguments {
  StorePlace place;
  std::vector<StateCommand> actions;
};

Result<ExitCode> run_state(const StateArguments& options) {
  EDDY_TRY_ASSIGN(const StorePlace place, with_folder(options.place));
  for (const StateCommand& action : options.actions) {
    if (action.app->parsed()) return action.run(place);
  }
  return ExitCode::kOk;
}

}  // namespace

std::string identity_text(const ModelIdentity& model) {
  std::string text;
  for (const std::uint8_t byte : model.bytes) text += fmt::format("{:02x}", byte);
  return text;
}

Command add_state(CLI::App& program) {
  CLI::App* app = program.add_subcommand("state", "Look after conversations that were kept");
  const auto options = std::make_shared<StateArguments>();
  add_store_options(*app, options->place);
  app->require_subcommand(1);
  app->footer(kStateFooter);
  options->actions = add_state_keeping(*app);
  for (StateCommand& looking : add_state_looking(*app)) {
    options->actions.push_back(std::move(looking));
  }
  for (const StateCommand& action : options->actions) action.app->fallthrough();
  return {.app = app, .run = [options] { return run_state(*options); }};
}

}  // namespace eddy
