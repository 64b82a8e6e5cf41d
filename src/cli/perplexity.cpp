// eddy perplexity: how surprised a model is by a text, exp of the mean of -ln p(token).
//
// By default the text is one sequence: a recurrent model has no context to run out of. With
// --window and --stride the text is read in overlapping windows, each from the beginning; a token
// is scored in the first window that holds it. The error is one standard error of the mean, carried
// through exp.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/input.h"
#include "cli/model_options.h"

namespace eddy {
namespace {

struct PerplexityArguments {
  ModelOptions model;
  std::string text;
  std::size_t window = 0;
  std::size_t stride = 0;
  bool json = false;
};

// What computes, and what every window begins from.
struct Reader {
  Engine engine;
  SessionOptions session;
};

// Mean and standard error of what was added (Welford 1962).
class Mean {
 public:
  void add(double x) {
    ++n_;
    const double distance = x - mean_;
    mean_ += distance / static_cast<double>(n_);
    squares_ += distance * (x - mean_);
  }
  std::size_t n() const { return n_; }
  double mean() const { return mean_; }
  double standard_error() const {
    if (n_ < 2) return 0;
    const auto n = static_cast<double>(n_);
    return std::sqrt(squares_ / (n - 1) / n);
  }

 private:
  std::size_t n_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

// -ln of the softmax probability of a token.
double surprise(std::span<const float> logits, Token token) {
  const double best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - best);
  return std::log(sum) + best - static_cast<double>(logits[static_cast<std::size_t>(token.value)]);
}

// Scores the tokens of one window from index n_scored on; the first token of a window has nothing
// before it and is never scored.
Status score_window(Reader& reader, std::span<const Token> window, std::size_t n_scored, Mean& mean,
                    const std::function<void(std::size_t)>& on_token) {
  const auto on_logits = [&](Pos pos, std::span<const float> logits) {
    const auto next = static_cast<std::size_t>(pos) + 1;
    if (next < window.size() && next >= n_scored) mean.add(surprise(logits, window[next]));
    on_token(next);
    return true;
  };
  return reader.engine.evaluate(window, on_logits, reader.session);
}

Result<Mean> score(Reader& reader, std::span<const Token> tokens,
                   const PerplexityArguments& options) {
  const std::size_t window = options.window == 0 ? tokens.size() : options.window;
  const std::size_t stride = options.stride == 0 ? window : options.stride;
  Mean mean;
  ProgressBar bar("computing");
  std::size_t n_scored = 0;
  for (std::size_t first = 0; n_scored < tokens.size(); first += stride) {
    const auto piece = tokens.subspan(first, std::min(window, tokens.size() - first));
    EDDY_TRY(score_window(reader, piece, n_scored - first, mean, [&](std::size_t n) {
      bar.update(static_cast<double>(first + n) / static_cast<double>(tokens.size()));
    }));
    n_scored = first + piece.size();
  }
  return mean;
}

void print(const Mean& mean, bool json) {
  const double perplexity = std::exp(mean.mean());
  const double error = perplexity * mean.standard_error();
  if (json) {
    const nlohmann::ordered_json line = {{"perplexity", perplexity},
                                         {"error", error},
                                         {"mean_nll", mean.mean()},
                                         {"n_scored", mean.n()}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("perplexity {:.4f} +/- {:.4f} ({} tokens scored)\n", perplexity, error, mean.n());
  }
}

// A window of one token scores nothing.
Status check(const PerplexityArguments& options) {
  if (options.window == 1) {
    return fail(ErrorCode::kInvalidArgument, "--window: 1, expected 0 or at least 2");
  }
  if (options.stride <= options.window) return {};
  return fail(ErrorCode::kInvalidArgument, "--stride: {}, expected 0 .. --window ({})",
              options.stride, options.window);
}

Result<ExitCode> run_perplexity(const PerplexityArguments& options) {
  EDDY_TRY(check(options));
  EDDY_TRY_ASSIGN(const std::string text, read_all(options.text));
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  EDDY_TRY_ASSIGN(SessionOptions session, session_options(engine, options.model));
  Reader reader = {.engine = std::move(engine), .session = std::move(session)};
  const std::vector<Token> tokens = reader.engine.tokenize(text, {.begin = true});
  if (tokens.size() < 2) {
    return fail(ErrorCode::kMalformed, "{}: {} tokens, expected at least 2", options.text,
                tokens.size());
  }
  EDDY_TRY_ASSIGN(const Mean mean, score(reader, tokens, options));
  print(mean, options.json);
  return ExitCode::kOk;
}

}  // namespace

Command add_perplexity(CLI::App& program) {
  CLI::App* app = program.add_subcommand("perplexity", "Measure how well a model predicts a text");
  const auto options = std::make_shared<PerplexityArguments>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  add_init_state_option(*app, options->model);
  app->add_option("TEXT", options->text, "text file; - is standard input")
      ->required()
      ->type_name("");
  app->add_option("--window", options->window,
                  "tokens read from where a text begins; 0: the whole text")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app->add_option("--stride", options->stride, "tokens from window to window; 0: the window")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--json", options->json, "print a line of JSON");
  app->footer(
      "Examples:\n"
      "  eddy perplexity model.gguf text.txt\n"
      "  eddy perplexity model.gguf text.txt --window 2048 --stride 1024");
  return {.app = app, .run = [options] { return run_perplexity(*options); }};
}

}  // namespace eddy
