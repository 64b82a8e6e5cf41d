// What a model answers is not known before, and random weights answer nothing that could be
// guessed. Here the answer is a text that was given: the model computes as ever, then its logits
// are replaced by ones that name the text's next token. So the time is that of the model, and what
// can be guessed is what the text has of repetition: of the prompt, as in an edit, and of itself.
#include "cli/bench_speculation.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "cli/bench_table.h"
#include "cli/choice.h"
#include "cli/console.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "cli/timed.h"
#include "engine/core.h"
#include "engine/open.h"
#include "memory/recurrent_context.h"

namespace eddy {
namespace {

struct BenchSpeculationArguments {
  ModelOptions model;
  std::string prompt;
  std::string answer;
  std::vector<std::int32_t> drafts = {0, 8, 16, 32, 64};
  int repetitions = 3;
  TableFormat format = TableFormat::kMarkdown;
};

// A model that says a text.
class TextModel final : public Model {
 public:
  TextModel(std::unique_ptr<const Model> model, std::vector<Token> text)
      : Model(model->info(), model->identity()), model_(std::move(model)), text_(std::move(text)) {
    layout_ = model_->state_layout();
  }

  std::int64_t wkv_head_size() const override { return model_->wkv_head_size(); }

  // The memory of its only sequence. Outlives the model.
  void set_memory(const RecurrentMemory& memory) { memory_ = &memory; }

  Status forward(const Forward& pass) const override {
    EDDY_TRY(model_->forward(pass));
    if (pass.context.status() == ContextStatus::kPlanOnly) return {};
    const UBatch& ubatch = pass.context.ubatch();
    const UBatchPart& part = ubatch.parts.front();
    const Pos n_before = memory_->ledger()[part.seq].n_tokens - part.first_token;
    for (std::int64_t row = 0; row < pass.logits.n_tokens; ++row) {
      const Pos n_read = n_before + ubatch.outputs[static_cast<std::size_t>(row)] + 1;
      float* const logits = pass.logits.token(row);
      std::fill_n(logits, info().n_vocab, 0.0F);
      if (n_read < static_cast<Pos>(text_.size())) {
        logits[text_[static_cast<std::size_t>(n_read)].value] = 1;
      }
    }
    return {};
  }

 private:
  std::unique_ptr<const Model> model_;
  std::vector<Token> text_;
  const RecurrentMemory* memory_ = nullptr;
};

struct Measured {
  std::int32_t max_draft = 0;
  Completion answer = {};
  std::vector<double> seconds = {};

  double median() const {
    std::vector<double> sorted = seconds;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

TableRow row_of(const Measured& m, double plain_s) {
  const auto n_tokens = static_cast<double>(m.answer.n_tokens);
  const auto n_steps = static_cast<double>(m.answer.n_tokens - m.answer.n_accepted);
  return {{"max_draft", std::int64_t{m.max_draft}},
          {"tokens", m.answer.n_tokens},
          {"guessed", m.answer.n_drafted},
          {"accepted", m.answer.n_accepted},
          {"tokens_per_step", n_tokens / n_steps, 2},
          {"tokens_per_s", n_tokens / m.median(), 1},
          {"speedup", plain_s / m.median(), 2}};
}

// Answers once; the time of the answer alone.
Status measure(Session& session, std::span<const Token> text, std::size_t n_prompt, Measured& m) {
  EDDY_TRY(session.reset());
  EDDY_TRY(session.feed(text.first(n_prompt)));
  const GenerateParams params = {.max_tokens = static_cast<std::int64_t>(text.size() - n_prompt),
                                 .speculation = {.max_draft = m.max_draft}};
  EDDY_TRY_ASSIGN(const double seconds, timed([&]() -> Status {
                    EDDY_TRY_ASSIGN(m.answer, session.generate(params));
                    return {};
                  }));
  m.seconds.push_back(seconds);
  if (std::ranges::equal(session.tokens(), text)) return {};
  return fail(ErrorCode::kMismatch, "the answer is another text");
}

Result<ExitCode> run_speculation(const BenchSpeculationArguments& options) {
  EDDY_TRY_ASSIGN(const std::string prompt, read_all(options.prompt));
  EDDY_TRY_ASSIGN(const std::string answer, read_all(options.answer));
  EngineOptions engine = options.model.engine;
  engine.n_seq_max = 1;
  engine.prefix_cache_bytes = 0;
  EDDY_TRY_ASSIGN(EngineParts parts, open_parts(options.model.path, engine));
  std::vector<Token> text = parts.tokenizer->encode(prompt, true, false);
  const std::size_t n_prompt = text.size();
  for (const Token token : parts.tokenizer->encode(answer, false, false)) text.push_back(token);
  if (n_prompt == 0 || text.size() == n_prompt) {
    return fail(ErrorCode::kInvalidArgument, "{}: no text",
                n_prompt == 0 ? options.prompt : options.answer);
  }
  auto model = std::make_unique<TextModel>(std::move(parts.model), text);
  TextModel& text_model = *model;
  parts.model = std::move(model);
  EDDY_TRY_ASSIGN(const auto core, Engine::Core::create(std::move(parts), engine));
  text_model.set_memory(*core->memory);

  EDDY_TRY_ASSIGN(Session session, Engine(core).new_session());
  std::vector<Measured> all;
  for (const std::int32_t n : options.drafts) all.push_back({.max_draft = n});
  {
    ProgressBar bar("answering");
    for (int i = 0; i < options.repetitions; ++i) {
      for (Measured& m : all) EDDY_TRY(measure(session, text, n_prompt, m));
      bar.update((i + 1.0) / options.repetitions);
    }
  }
  const double plain_s = all.front().median();
  fmt::print("{}", format_header(options.format, row_of(all.front(), plain_s)));
  for (const Measured& m : all) fmt::print("{}", format_row(options.format, row_of(m, plain_s)));
  return ExitCode::kOk;
}

}  // namespace

std::function<Result<ExitCode>()> add_bench_speculation(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand("speculation", "Measure an answer that is guessed");
  const auto options = std::make_shared<BenchSpeculationArguments>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  app->add_option("PROMPT", options->prompt, "text file; - is standard input")
      ->required()
      ->type_name("");
  app->add_option("ANSWER", options->answer, "text file: what is answered, whatever the weights")
      ->required()
      ->type_name("");
  app->add_option("--speculate", options->drafts, "most tokens guessed at once; 0: none")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,...")
      ->check(CLI::Range(0, 256));
  app->add_option("-r,--repetitions", options->repetitions, "how often each is measured")
      ->type_name("N")
      ->check(CLI::Range(1, 10000));
  add_choice(*app, "--format", options->format, table_formats(), "how rows are written");
  app->footer(
      "Guesses are what followed the last tokens when they stood in the text before. The model\n"
      "computes as ever, and then the answer is the given one: of an edited file, say, for a\n"
      "prompt that is the file before. speedup: over the first row; medians.\n\n"
      "Example:\n  eddy bench speculation model.gguf before.cpp after.cpp -t 2");
  return [options] { return run_speculation(*options); };
}

}  // namespace eddy
