// eddy run: one answer to a prompt, or a conversation at the terminal.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/demo.h"
#include "cli/generate_options.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/model_options.h"

namespace eddy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongPromptTokens = 1024;  // from here on a bar is worth its line

constexpr const char* kFooter =
    R"(The prompt is the option -p, else standard input; at a terminal each line is a prompt, /reset
forgets the conversation, Ctrl-C stops an answer, Ctrl-D ends.

Examples:
  eddy run model.gguf -p "Once upon a time" -n 100 --temp 0.8 --top-p 0.95
  cat story.txt | eddy run model.gguf --stop "THE END" > continuation.txt
  eddy run model.gguf)";

struct Options {
  ModelOptions model;
  GenerateParams generate;
  std::string prompt;
  bool has_prompt = false;
  bool special = false;
  bool stats = false;
  bool demo = false;
};

struct Rate {
  std::int64_t n_tokens = 0;
  double seconds = 0;

  void add(std::int64_t n, Clock::time_point since) {
    n_tokens += n;
    seconds += std::chrono::duration<double>(Clock::now() - since).count();
  }
  double per_second() const { return seconds > 0 ? static_cast<double>(n_tokens) / seconds : 0; }
};

// A session at work for a person: reads prompts, streams answers, keeps the times.
class Conversation {
 public:
  Conversation(Engine& engine, Session session, const Options& options)
      : engine_(engine), session_(std::move(session)), options_(options) {}

  // Reads a prompt and streams the answer. Ctrl-C ends it with StopReason::kCancelled.
  Result<StopReason> answer(std::string_view prompt) {
    const CancelOnInterrupt scope(session_);
    const Status read = feed(prompt);
    if (!read && read.error().code == ErrorCode::kCancelled) return StopReason::kCancelled;
    EDDY_TRY(read);
    const auto start = Clock::now();
    EDDY_TRY_ASSIGN(const Completion done,
                    session_.generate(options_.generate, [](std::string_view text) {
                      return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                             std::fflush(stdout) == 0;
                    }));
    answered_.add(done.n_tokens, start);
    return done.reason;
  }

  Status reset() { return session_.reset(); }

  void print_stats() const {
    fmt::print(stderr, "prompt: {} tokens, {:.1f} tokens/s; answer: {} tokens, {:.1f} tokens/s\n",
               read_.n_tokens, read_.per_second(), answered_.n_tokens, answered_.per_second());
  }

 private:
  // Where Ctrl-C stops the reading, the rest of the prompt is read with the next one.
  Status feed(std::string_view prompt) {
    const auto start = Clock::now();
    const std::vector<Token> tokens = prompt_tokens(prompt);
    ProgressBar bar("reading");
    Session::OnProgress show;
    if (tokens.size() >= kLongPromptTokens) show = [&](double fraction) { bar.update(fraction); };
    EDDY_TRY(session_.feed(tokens, show));
    read_.add(static_cast<std::int64_t>(tokens.size()), start);
    return {};
  }

  std::vector<Token> prompt_tokens(std::string_view prompt) const {
    return engine_.tokenize(prompt,
                            {.begin = session_.n_tokens() == 0,
                             .special = options_.special ? Special::kParsed : Special::kAsText});
  }

  Engine& engine_;
  Session session_;
  const Options& options_;
  Rate read_;
  Rate answered_;
};

Result<ExitCode> answer_once(Conversation& conversation, std::string_view prompt) {
  EDDY_TRY_ASSIGN(const StopReason reason, conversation.answer(prompt));
  if (stdout_is_terminal()) fmt::print("\n");
  return reason == StopReason::kCancelled ? ExitCode::kInterrupted : ExitCode::kOk;
}

Result<ExitCode> converse(Conversation& conversation) {
  const NoteInterrupts scope;
  LineEditor editor("> ", default_history_file());
  while (const auto line = editor.read()) {
    if (*line == "/reset") {
      EDDY_TRY(conversation.reset());
      continue;
    }
    if (line->empty()) continue;
    EDDY_TRY(conversation.answer(*line));
    fmt::print("\n");
    std::fflush(stdout);
  }
  return ExitCode::kOk;
}

Result<ExitCode> run_demo(const Options& options) {
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY(show_demo(engine, options.model.path));
  return ExitCode::kOk;
}

Result<ExitCode> run(const Options& options) {
  if (options.demo) return run_demo(options);
  const bool is_interactive = !options.has_prompt && stdin_is_terminal();
  std::string prompt = options.prompt;
  if (!options.has_prompt && !is_interactive) {
    EDDY_TRY_ASSIGN(prompt, read_all("-"));
    if (prompt.ends_with('\n')) prompt.pop_back();
  }
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY_ASSIGN(Session session, engine.new_session());
  Conversation conversation(engine, std::move(session), options);
  const auto result = is_interactive ? converse(conversation) : answer_once(conversation, prompt);
  if (options.stats) conversation.print_stats();
  return result;
}

}  // namespace

Command add_run(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", "Answer a prompt, or hold a conversation");
  const auto options = std::make_shared<Options>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  const CLI::Option* prompt =
      app->add_option("-p,--prompt", options->prompt, "the prompt")->type_name("TEXT");
  app->add_flag("--special", options->special, "special tokens may be written in the prompt");
  app->add_flag("--demo", options->demo,
                "show the worked example that comes with the model, and end");
  app->add_flag("--stats", options->stats, "show tokens per second at the end");
  add_generate_options(*app, options->generate);
  app->footer(kFooter);
  return {.app = app, .run = [options, prompt] {
            options->has_prompt = prompt->count() > 0;
            return run(*options);
          }};
}

}  // namespace eddy
