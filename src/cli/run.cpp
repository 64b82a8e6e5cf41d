// eddy run: one answer to a prompt, or a conversation at the terminal.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/conversation.h"
#include "cli/demo.h"
#include "cli/draft_model.h"
#include "cli/generate_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/model_options.h"

namespace eddy {
namespace {

constexpr const char* kRunFooter =
    R"(The prompt is the option -p, else standard input; at a terminal each line is a prompt, or a command
such as /help, which lists them. Ctrl-C stops an answer, Tab completes a command, Ctrl-D ends.

Examples:
  eddy run model.gguf -p "Once upon a time" -n 100 --temp 0.8 --top-p 0.95
  cat story.txt | eddy run model.gguf --stop "THE END" > continuation.txt
  eddy run model.gguf --session diary
  eddy run large.gguf --draft small.gguf
  eddy run rwkv7.gguf --init-state poems.safetensors)";

struct RunArguments {
  ModelOptions model;
  ConversationOptions conversation;
  std::string draft;  // file of the model that guesses; empty: none
  std::string prompt;
  bool has_prompt = false;
  bool stats = false;
  bool demo = false;
};

Result<ExitCode> answer_once(Conversation& conversation, std::string_view prompt) {
  EDDY_TRY_ASSIGN(const StopReason reason, conversation.answer(prompt));
  if (stdout_is_terminal()) fmt::print("\n");
  return reason == StopReason::kCancelled ? ExitCode::kInterrupted : ExitCode::kOk;
}

// What goes wrong beside an answer is told, and the conversation goes on.
void tell_failure(const Status& status) {
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
}

Result<ExitCode> converse(Conversation& conversation) {
  const NoteInterrupts scope;
  LineEditor editor("> ", default_history_file(), [&](std::string_view line) {
    return complete_slash_command(conversation, line);
  });
  while (const auto line = editor.read()) {
    if (line->empty()) continue;
    if (is_slash_command(*line)) {
      tell_failure(run_slash_command(conversation, *line));
      continue;
    }
    EDDY_TRY(conversation.answer(*line));
    fmt::print("\n");
    std::fflush(stdout);
    tell_failure(conversation.keep());
  }
  return ExitCode::kOk;
}

Result<ExitCode> run_demo(const RunArguments& options) {
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY(show_demo(engine, options.model.path));
  return ExitCode::kOk;
}

void greet(const Conversation& conversation, const RunArguments& options) {
  if (conversation.n_tokens() == 0) return;
  fmt::print(stderr, "session {}: {} tokens so far\n", options.conversation.session,
             conversation.n_tokens());
  if (conversation.branch_names().size() == 1) return;
  fmt::print(stderr, "{}", conversation.show_branches());
}

Result<ExitCode> run_model(RunArguments& options) {
  if (options.demo) return run_demo(options);
  const bool is_interactive = !options.has_prompt && stdin_is_terminal();
  std::string prompt = options.prompt;
  if (!options.has_prompt && !is_interactive) {
    EDDY_TRY_ASSIGN(prompt, read_all("-"));
    if (prompt.ends_with('\n')) prompt.pop_back();
  }
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY_ASSIGN(options.conversation.begin, session_options(engine, options.model));
  SpeculationParams& guesses = options.conversation.generate.speculation;
  set_draft_length(options.draft, guesses);
  EDDY_TRY_ASSIGN(std::optional<Engine> draft, open_draft(options.draft, options.model, engine));
  std::optional<Session> draft_session;
  if (draft) {
    EDDY_TRY_ASSIGN(draft_session, draft->new_session());
    guesses.draft = &*draft_session;
  }
  EDDY_TRY_ASSIGN(Conversation conversation, Conversation::open(engine, options.conversation));
  if (is_interactive) greet(conversation, options);
  const auto result = is_interactive ? converse(conversation) : answer_once(conversation, prompt);
  if (options.stats) conversation.print_stats();
  const Status kept = conversation.keep();
  if (result && !kept) return kept.error();
  return result;
}

}  // namespace

Command add_run(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", "Answer a prompt, or hold a conversation");
  const auto options = std::make_shared<RunArguments>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  add_memory_options(*app, options->model.engine);
  CLI::Option* init_state = add_init_state_option(*app, options->model);
  const CLI::Option* prompt =
      app->add_option("-p,--prompt", options->prompt, "the prompt")->type_name("TEXT");
  app->add_flag("--special", options->conversation.special,
                "special tokens may be written in the prompt");
  app->add_option("--session", options->conversation.session,
                  "go on with the conversation of this name, and keep it for the next time")
      ->type_name("NAME");
  add_store_options(*app, options->conversation.store);
  app->add_flag("--demo", options->demo,
                "show the worked example that comes with the model, and end")
      ->excludes(init_state);
  app->add_flag("--stats", options->stats, "show tokens per second at the end");
  add_generate_options(*app, options->conversation.generate);
  add_draft_option(*app, options->draft);
  app->footer(kRunFooter);
  return {.app = app, .run = [options, prompt] {
            options->has_prompt = prompt->count() > 0;
            return run_model(*options);
          }};
}

}  // namespace eddy
