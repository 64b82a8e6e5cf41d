// eddy batch: an answer to each line of a file, many at a time.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/draft_model.h"
#include "cli/generate_options.h"
#include "cli/guesses.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/model_options.h"

namespace eddy {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBatchFooter =
    R"(Prints a line of JSON for each prompt, in their order: text, n_tokens and reason, or error; and what
else the prompt's object has, such as an id. The answers are those of eddy run, and which prompts are
answered at the same time changes none.

Examples:
  eddy batch model.gguf questions.txt -n 64 > answers.jsonl
  eddy batch model.gguf requests.jsonl --json --parallel 32 --stats
  eddy batch large.gguf questions.txt --draft small.gguf)";

struct BatchArguments {
  ModelOptions model;
  GenerateParams generate;
  std::string draft;  // file of the model that guesses; empty: none
  std::string file = "-";
  std::uint32_t parallel = 16;
  bool json = false;
  bool special = false;
  bool stats = false;
};

struct Prompt {
  std::string text;
  Json rest = Json::object();  // what its object has besides
};

Result<Prompt> parse_object(std::string_view line, const std::string& where) {
  Json object = Json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("prompt") || !object["prompt"].is_string()) {
    return fail(ErrorCode::kMalformed, "{}: expected an object of JSON with the text \"prompt\"",
                where);
  }
  Prompt prompt = {.text = object["prompt"].get<std::string>(), .rest = std::move(object)};
  prompt.rest.erase("prompt");
  return prompt;
}

Result<std::vector<Prompt>> read_prompts(const BatchArguments& options) {
  EDDY_TRY_ASSIGN(const std::string all, read_all(options.file));
  std::vector<Prompt> prompts;
  std::string_view rest = all;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (options.json) {
      EDDY_TRY_ASSIGN(Prompt prompt,
                      parse_object(line, fmt::format("{}: line {}", options.file, number)));
      prompts.push_back(std::move(prompt));
    } else {
      prompts.push_back({.text = std::string(line)});
    }
  }
  return prompts;
}

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::kEnd: return "end";
    case StopReason::kLength: return "length";
    case StopReason::kStopString: return "stop";
    case StopReason::kCallback:
    case StopReason::kCancelled: return "cancelled";
  }
  return "";
}

// Answers all prompts; prints each answer when it and those before it are there.
class BatchRun {
 public:
  // draft: whose sessions guess, or nullptr.
  BatchRun(Engine& engine, Engine* draft, std::vector<Prompt>& prompts,
           const BatchArguments& options)
      : engine_(engine), draft_(draft), prompts_(prompts), options_(options), bar_("answering") {}

  Result<ExitCode> run(const SessionOptions& session) {
    const NoteInterrupts scope;
    EDDY_TRY(make_requests(session));
    const auto start = std::chrono::steady_clock::now();
    engine_.generate(requests_);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (options_.stats) {
      fmt::print(stderr, "{} answers, {} tokens in {:.2f} s: {:.1f} tokens/s\n", n_printed_,
                 n_tokens_, took.count(), static_cast<double>(n_tokens_) / took.count());
      guesses_.print();
    }
    if (interrupt_is_noted()) return ExitCode::kInterrupted;
    const bool is_whole = n_printed_ == requests_.size();  // unless memory ended
    return n_failed_ > 0 || !is_whole ? ExitCode::kError : ExitCode::kOk;
  }

 private:
  Status make_requests(const SessionOptions& options) {
    const Special special = options_.special ? Special::kParsed : Special::kAsText;
    for (const Prompt& prompt : prompts_) {
      EDDY_TRY_ASSIGN(Session session, engine_.new_session(options));
      sessions_.push_back(std::make_unique<Session>(std::move(session)));
      if (draft_) {
        EDDY_TRY_ASSIGN(Session guesses, draft_->new_session());
        drafts_.push_back(std::make_unique<Session>(std::move(guesses)));
      }
      requests_.push_back(
          {.session = sessions_.back().get(),
           .prompt = engine_.tokenize(prompt.text, {.begin = true, .special = special}),
           .params = options_.generate,
           .on_text = [](std::string_view) { return !interrupt_is_noted(); },
           .on_end = [this](GenerateRequest& request) { end(request); }});
      if (draft_) requests_.back().params.speculation.draft = drafts_.back().get();
    }
    is_done_.resize(requests_.size());
    return {};
  }

  void end(GenerateRequest& request) {
    const auto at = static_cast<std::size_t>(&request - requests_.data());
    sessions_[at].reset();  // its state is needed no more
    if (draft_) drafts_[at].reset();
    if (interrupt_is_noted()) return give_up();
    is_done_[at] = true;
    for (; n_printed_ < requests_.size() && is_done_[n_printed_]; ++n_printed_) {
      print(prompts_[n_printed_], requests_[n_printed_].result);
    }
    bar_.update(static_cast<double>(n_printed_) / static_cast<double>(requests_.size()));
  }

  // Those that have not begun do not begin.
  void give_up() {
    for (GenerateRequest& request : requests_) request.session = nullptr;
  }

  void print(const Prompt& prompt, const Result<Completion>& result) {
    Json line = prompt.rest;
    if (result) {
      line["text"] = result->text;
      line["n_tokens"] = result->n_tokens;
      line["reason"] = name_of(result->reason);
      n_tokens_ += result->n_tokens;
      guesses_.add(*result);
    } else {
      line["error"] = result.error().message;
      ++n_failed_;
    }
    fmt::print("{}\n", line.dump());
  }

  Engine& engine_;
  Engine* draft_;
  std::vector<Prompt>& prompts_;
  const BatchArguments& options_;
  ProgressBar bar_;
  std::vector<std::unique_ptr<Session>> sessions_, drafts_;
  std::vector<GenerateRequest> requests_;
  std::vector<bool> is_done_;
  std::size_t n_printed_ = 0, n_failed_ = 0;
  std::int64_t n_tokens_ = 0;
  Guesses guesses_;
};

// Sessions that wait or have ended have no state, so there are cells for those under way alone.
Result<ExitCode> run_batch(BatchArguments& options) {
  EDDY_TRY_ASSIGN(std::vector<Prompt> prompts, read_prompts(options));
  if (prompts.empty()) return ExitCode::kOk;
  EngineOptions& engine_options = options.model.engine;
  set_draft_length(options.draft, options.generate.speculation);
  const bool guesses = options.generate.speculation.max_draft > 0;
  engine_options.n_seq_max = static_cast<std::uint32_t>(prompts.size());
  engine_options.mem_size = options.parallel * (guesses ? 3 : 1);
  if (!guesses) engine_options.n_rewind = 0;
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY_ASSIGN(const SessionOptions session, session_options(engine, options.model));
  EDDY_TRY_ASSIGN(std::optional<Engine> draft, open_draft(options.draft, options.model, engine));
  return BatchRun(engine, draft ? &*draft : nullptr, prompts, options).run(session);
}

}  // namespace

Command add_batch(CLI::App& program) {
  CLI::App* app = program.add_subcommand("batch", "Answer each line of a file, many at a time");
  const auto options = std::make_shared<BatchArguments>();
  add_model_options(*app, options->model);
  app->add_option("FILE", options->file,
                  "prompts, one in each line; - (the default): standard input")
      ->type_name("");
  add_threads_option(*app, options->model.engine);
  add_memory_options(*app, options->model.engine);
  add_init_state_option(*app, options->model);
  app->add_flag("--json", options->json, "lines are objects of JSON with the text \"prompt\"");
  app->add_option("--parallel", options->parallel, "prompts answered at a time")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app->add_flag("--special", options->special, "special tokens may be written in the prompts");
  app->add_flag("--stats", options->stats, "show tokens per second at the end");
  add_generate_options(*app, options->generate);
  add_draft_option(*app, options->draft);
  app->footer(kBatchFooter);
  return {.app = app, .run = [options] { return run_batch(*options); }};
}

}  // namespace eddy
