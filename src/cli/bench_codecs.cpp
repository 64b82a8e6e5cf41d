// The text is cut into pieces: a prompt, and what follows it. After each prompt the state is packed
// and unpacked by every codec, and both the state itself and what came back read what follows. The
// logits of the two are compared.
#include "cli/bench_codecs.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/try.h"
#include "cli/bench_table.h"
#include "cli/choice.h"
#include "cli/input.h"
#include "cli/model_options.h"
#include "engine/core.h"
#include "engine/open.h"
#include "memory/state_codec.h"

namespace eddy {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchCodecsArguments {
  ModelOptions model;
  std::string text;
  std::size_t n_prompt = 256;
  std::size_t n_after = 64;
  int repetitions = 5;
  TableFormat format = TableFormat::kMarkdown;
};

// Of all pieces, by one codec.
struct CodecTotals {
  const char* name;
  StateCodec codec;
  double n_packed_bytes = 0;
  double encode_s = 0;
  double decode_s = 0;
  double worst = 0;               // largest difference of a token's probability
  std::int64_t n_other_best = 0;  // places where another token is the likeliest
  double surprise = 0;            // sum of -ln p(the text's next token)
};

std::vector<double> probabilities(std::span<const float> logits) {
  const double best = *std::ranges::max_element(logits);
  std::vector<double> p;
  double sum = 0;
  for (const float logit : logits) sum += p.emplace_back(std::exp(logit - best));
  for (double& x : p) x /= sum;
  return p;
}

class CodecBench {
 public:
  CodecBench(Engine::Core& core, SeqId exact, SeqId packed, int n_repetitions)
      : core_(core), exact_(exact), packed_(packed), n_repetitions_(n_repetitions) {}
  ~CodecBench() {
    core_.release(exact_);
    core_.release(packed_);
  }
  CodecBench(const CodecBench&) = delete;
  CodecBench& operator=(const CodecBench&) = delete;

  // One token more than prompt and continuation: the one that is foretold last.
  Status add_piece(std::span<const Token> prompt, std::span<const Token> after) {
    core_.forget(exact_);
    for (std::size_t i = 0; i < prompt.size(); i += core_.runner->n_batch()) {
      const std::size_t n = std::min<std::size_t>(core_.runner->n_batch(), prompt.size() - i);
      EDDY_TRY(read(exact_, prompt.subspan(i, n), Outputs::kNone));
    }
    EDDY_TRY_ASSIGN(const auto state, core_.memory->state_write(exact_));
    EDDY_TRY_ASSIGN(const auto expected, read_on(exact_, after));
    for (CodecTotals& totals : all_) {
      EDDY_TRY(add_codec(totals, state));
      EDDY_TRY_ASSIGN(const auto found, read_on(packed_, after));
      compare(totals, expected, found, after);
    }
    n_state_bytes_ += static_cast<double>(state.size());
    n_tokens_ += static_cast<std::int64_t>(expected.size());
    ++n_states_;
    return {};
  }

  void print(TableFormat format) const {
    for (const CodecTotals& totals : all_) {
      if (&totals == &all_[0]) fmt::print("{}", format_header(format, row_of(totals)));
      fmt::print("{}", format_row(format, row_of(totals)));
    }
  }

 private:
  using Distributions = std::vector<std::vector<double>>;

  Status read(
      SeqId seq, std::span<const Token> tokens, Outputs outputs,
      const OnOutput& on_output = [](const Output&) {}) {
    const BatchPart part = {.seq = seq, .tokens = tokens, .outputs = outputs};
    const std::atomic<bool> cancel = false;
    return core_.run(std::span(&part, 1), cancel, on_output);
  }

  // One distribution for each token but the last, of the token that follows it.
  Result<Distributions> read_on(SeqId seq, std::span<const Token> after) {
    Distributions all;
    bool is_finite = true;
    EDDY_TRY(read(seq, after.first(after.size() - 1), Outputs::kAll, [&](const Output& output) {
      is_finite = is_finite && output.is_finite;
      all.push_back(probabilities(output.logits));
    }));
    if (!is_finite) return non_finite();
    return all;
  }

  // Packs the state, unpacks it, and puts what comes back into the sequence. The fastest of the
  // repetitions counts: the work is the same each time, and only others make it slower.
  Status add_codec(CodecTotals& totals, const std::vector<std::byte>& state) {
    std::vector<std::byte> packed, unpacked;
    double encode_s = 0, decode_s = 0;
    for (int i = 0; i < n_repetitions_; ++i) {
      auto copy = state;
      const auto start = Clock::now();
      EDDY_TRY_ASSIGN(packed, encode_state(totals.codec, std::move(copy)));
      const auto middle = Clock::now();
      EDDY_TRY_ASSIGN(unpacked, decode_state(packed));
      const auto end = Clock::now();
      const std::chrono::duration<double> there = middle - start, back = end - middle;
      encode_s = i == 0 ? there.count() : std::min(encode_s, there.count());
      decode_s = i == 0 ? back.count() : std::min(decode_s, back.count());
    }
    totals.n_packed_bytes += static_cast<double>(packed.size());
    totals.encode_s += encode_s;
    totals.decode_s += decode_s;
    return core_.memory->state_read(unpacked, packed_);
  }

  static void compare(CodecTotals& totals, const Distributions& expected,
                      const Distributions& found, std::span<const Token> after) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::vector<double>& a = expected[i];
      const std::vector<double>& b = found[i];
      for (std::size_t t = 0; t < a.size(); ++t) {
        totals.worst = std::max(totals.worst, std::abs(a[t] - b[t]));
      }
      const auto best = [](const auto& p) { return std::ranges::max_element(p) - p.begin(); };
      totals.n_other_best += best(a) != best(b) ? 1 : 0;
      totals.surprise -= std::log(b[static_cast<std::size_t>(after[i + 1].value)]);
    }
  }

  double perplexity(const CodecTotals& totals) const {
    return std::exp(totals.surprise / static_cast<double>(n_tokens_));
  }

  TableRow row_of(const CodecTotals& totals) const {
    const double exact = perplexity(all_[0]);
    return {{"codec", std::string(totals.name)},
            {"states", n_states_},
            {"bytes", totals.n_packed_bytes / static_cast<double>(n_states_), 0},
            {"ratio", n_state_bytes_ / totals.n_packed_bytes, 2},
            {"encode_gb_per_s", n_state_bytes_ / totals.encode_s / 1e9, 2},
            {"decode_gb_per_s", n_state_bytes_ / totals.decode_s / 1e9, 2},
            {"tokens", n_tokens_},
            {"worst_probability", totals.worst, 6},
            {"other_best", totals.n_other_best},
            {"perplexity", perplexity(totals), 6},
            {"perplexity_change", perplexity(totals) / exact - 1, 8}};
  }

  Engine::Core& core_;
  SeqId exact_, packed_;
  int n_repetitions_;
  std::vector<CodecTotals> all_ = {{"none", StateCodec::kNone},
                                   {"zstd", StateCodec::kZstd},
                                   {"int16", StateCodec::kInt16},
                                   {"int8", StateCodec::kInt8}};
  std::int64_t n_states_ = 0;
  std::int64_t n_tokens_ = 0;
  double n_state_bytes_ = 0;
};

Result<ExitCode> run_codecs(const BenchCodecsArguments& options) {
  EDDY_TRY_ASSIGN(const std::string text, read_all(options.text));
  EngineOptions engine = options.model.engine;
  engine.n_seq_max = 2;
  engine.n_rewind = 0;
  engine.prefix_cache_bytes = 0;
  engine.n_batch =
      std::max({engine.n_batch, engine.n_ubatch, static_cast<std::uint32_t>(options.n_after)});
  EDDY_TRY_ASSIGN(EngineParts parts, open_parts(options.model.path, engine));
  EDDY_TRY_ASSIGN(const auto core, Engine::Core::create(std::move(parts), engine));
  const std::vector<Token> tokens = Engine(core).tokenize(text, {.begin = true});
  const std::size_t n_piece = options.n_prompt + options.n_after;
  if (tokens.size() <= n_piece) {
    return fail(ErrorCode::kMalformed, "{}: {} tokens, expected at least {}", options.text,
                tokens.size(), n_piece + 1);
  }
  EDDY_TRY_ASSIGN(const SeqId exact, core->acquire());
  EDDY_TRY_ASSIGN(const SeqId packed, core->acquire());
  CodecBench bench(*core, exact, packed, options.repetitions);
  for (std::size_t i = 0; i + n_piece < tokens.size(); i += n_piece) {
    const auto piece = std::span(tokens).subspan(i, n_piece + 1);
    EDDY_TRY(bench.add_piece(piece.first(options.n_prompt), piece.subspan(options.n_prompt)));
  }
  bench.print(options.format);
  return ExitCode::kOk;
}

}  // namespace

std::function<Result<ExitCode>()> add_bench_codecs(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand("codecs", "Measure what packing stored states does");
  const auto options = std::make_shared<BenchCodecsArguments>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  app->add_option("TEXT", options->text, "text file; - is standard input")
      ->required()
      ->type_name("");
  app->add_option("-p,--prompt-tokens", options->n_prompt, "tokens before a state is packed")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  app->add_option("-n,--answer-tokens", options->n_after, "tokens read from what came back")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("-r,--repetitions", options->repetitions,
                  "how often each state is packed; the fastest counts")
      ->type_name("N")
      ->check(CLI::Range(1, 10000));
  add_choice(*app, "--format", options->format, table_formats(), "how rows are written");
  app->footer(
      "The text is cut into prompts and what follows each. bytes: of a state, the mean; ratio:\n"
      "what they were over what they are; worst_probability: the largest difference that any\n"
      "token's probability has to that of the exact state; other_best: places where another\n"
      "token is the likeliest; perplexity_change: 0.01 is one percent more.\n\n"
      "Example:\n  eddy bench codecs model.gguf text.txt -p 256 -n 64");
  return [options] { return run_codecs(*options); };
}

}  // namespace eddy
