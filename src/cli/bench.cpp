// eddy bench: how fast a model reads prompts and writes answers on this machine.
//
// Every measurement is checked before it is believed: the logits must be finite and the same bits
// in every repetition. Limits are what the machine itself was measured to do just before or just
// after, whichever was more, with the same threads (cpu/machine.h).
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <utility>

#include "base/atomic_file.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/try.h"
#include "cli/bench_chart.h"
#include "cli/bench_codecs.h"
#include "cli/bench_sessions.h"
#include "cli/bench_speculation.h"
#include "cli/bench_state.h"
#include "cli/bench_table.h"
#include "cli/bench_traces.h"
#include "cli/choice.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/model_options.h"
#include "cpu/machine.h"
#include "engine/core.h"
#include "engine/open.h"

namespace eddy {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchArguments {
  ModelOptions model;
  std::vector<std::int64_t> prompt_tokens = {512};
  bool has_prompt_tokens = false;  // they were given
  std::vector<std::int64_t> answer_tokens = {64};
  std::vector<std::uint32_t> sequences = {1};
  std::vector<int> threads = {0};
  int repetitions = 5;
  bool state = false;
  std::uint32_t sessions = 0;  // that wait; 0: the speed is measured instead
  std::string svg;
  TableFormat format = TableFormat::kMarkdown;
};

// Sequences that are read and continued, all at the same time, with made-up tokens.
class Workload {
 public:
  static Result<Workload> create(Engine::Core& core, std::uint32_t n_seqs) {
    Workload workload(core);
    for (std::uint32_t i = 0; i < n_seqs; ++i) {
      EDDY_TRY_ASSIGN(const SeqId seq, core.acquire());
      workload.seqs_.push_back(seq);
    }
    return workload;
  }
  Workload(Workload&& other) noexcept = default;
  Workload& operator=(Workload&&) = delete;
  ~Workload() {
    for (const SeqId seq : seqs_) core_.release(seq);
  }

  // Seconds to read n tokens into each sequence.
  Result<double> read(std::int64_t n) {
    restart();
    const auto start = Clock::now();
    for (std::int64_t first = 0; first < n; first += piece_size()) {
      EDDY_TRY(step(first, std::min(n - first, piece_size())));
    }
    return seconds_since(start) - digest_s_;
  }

  // Seconds to go on with n tokens, one by one.
  Result<double> write(std::int64_t n) {
    restart();
    EDDY_TRY(step(0, 1));
    digest_s_ = 0;
    const auto start = Clock::now();
    for (std::int64_t i = 1; i <= n; ++i) EDDY_TRY(step(i, 1));
    return seconds_since(start) - digest_s_;
  }

  // A digest of all logits since the last start.
  std::uint64_t digest() const { return digest_; }

 private:
  explicit Workload(Engine::Core& core) : core_(core) {}

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::int64_t piece_size() const {
    return std::max<std::int64_t>(
        1, core_.runner->n_batch() / static_cast<std::int64_t>(seqs_.size()));
  }

  void restart() {
    for (const SeqId seq : seqs_) core_.forget(seq);
    digest_ = 0;
    digest_s_ = 0;
  }

  void add_to_digest(std::span<const float> logits) {
    const auto start = Clock::now();
    digest_ = digest_ * 0x9e3779b97f4a7c15 + checksum64(std::as_bytes(logits));
    digest_s_ += seconds_since(start);
  }

  // The next n tokens of every sequence, the same in every repetition.
  Status step(std::int64_t first, std::int64_t n) {
    tokens_.clear();
    for (std::int64_t i = first; i < first + n; ++i) {
      tokens_.push_back(Token(static_cast<std::int32_t>((i * 7919 + 1) % core_.info.n_vocab)));
    }
    batch_.clear();
    for (const SeqId seq : seqs_) batch_.push_back({.seq = seq, .tokens = tokens_});
    bool is_finite = true;
    const std::atomic<bool> cancel = false;
    EDDY_TRY(core_.runner->run(batch_, cancel, [&](const Output& output) {
      is_finite = is_finite && output.is_finite;
      add_to_digest(output.logits);
    }));
    return is_finite ? Status() : non_finite();
  }

  Engine::Core& core_;
  std::vector<SeqId> seqs_;
  std::vector<Token> tokens_;
  std::vector<BatchPart> batch_;
  std::uint64_t digest_ = 0;
  double digest_s_ = 0;  // the time that the digest took, which is not the model's
};

// Times of the repetitions; the first, which warms up, does not count.
template <class Measure>
Result<std::vector<double>> repeat(int n, const Workload& workload, const Measure& measure) {
  EDDY_TRY(measure());
  const std::uint64_t expected = workload.digest();
  std::vector<double> seconds;
  for (int i = 0; i < n; ++i) {
    EDDY_TRY_ASSIGN(const double s, measure());
    seconds.push_back(s);
    if (workload.digest() == expected) continue;
    return fail(ErrorCode::kMismatch, "the logits of two repetitions differ");
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

class Bench {
 public:
  Bench(Engine::Core& core, const BenchArguments& options)
      : core_(core), options_(options), before_(measure_machine(core.info.n_threads)) {}

  // Appends to `all`.
  Status run(std::vector<Measured>& all) {
    for (const std::int64_t n : options_.prompt_tokens) {
      if (n > 0) EDDY_TRY(measure("prefill", n, 1, all));
    }
    for (const std::uint32_t n_seqs : options_.sequences) {
      for (const std::int64_t n : options_.answer_tokens) {
        if (n > 0) EDDY_TRY(measure("decode", n, n_seqs, all));
      }
    }
    return {};
  }

 private:
  Status measure(const char* test, std::int64_t n, std::uint32_t n_seqs,
                 std::vector<Measured>& all) {
    const bool is_prefill = std::string_view(test) == "prefill";
    EDDY_TRY_ASSIGN(Workload workload, Workload::create(core_, n_seqs));
    EDDY_TRY_ASSIGN(const auto seconds, repeat(options_.repetitions, workload, [&] {
                      return is_prefill ? workload.read(n) : workload.write(n);
                    }));
    const MachineSpeed machine = limits();
    const double n_tokens = static_cast<double>(n) * n_seqs;
    const Measured row = {.test = test,
                          .n_tokens = n,
                          .n_seqs = n_seqs,
                          .n_threads = core_.info.n_threads,
                          .isa = core_.info.isa,
                          .tokens_per_s = n_tokens / seconds[seconds.size() / 2],
                          .slowest = n_tokens / seconds.back(),
                          .fastest = n_tokens / seconds.front(),
                          .work = is_prefill ? work_of_reading(n) : work_of_writing(n_seqs),
                          .machine = machine};
    fmt::print("{}", format_row(options_.format, row.row()));
    std::fflush(stdout);
    all.push_back(row);
    return {};
  }

  // What the machine did before the last measurement and does now, where that took its time.
  MachineSpeed limits() {
    constexpr auto kSoon = std::chrono::seconds(1);
    if (Clock::now() - measured_at_ < kSoon) return before_;
    const MachineSpeed after = measure_machine(core_.info.n_threads);
    measured_at_ = Clock::now();
    return best_of(std::exchange(before_, after), after);
  }

  // A prompt's weights are read once for each micro-batch, and its logits are wanted once.
  TokenWork work_of_reading(std::int64_t n) const {
    const ModelInfo& model = core_.parts.model->info();
    const auto n_together =
        static_cast<double>(std::min<std::int64_t>(n, core_.runner->n_ubatch()));
    const double bytes = static_cast<double>(model.n_token_bytes) + state_bytes();
    const double share = 1 / static_cast<double>(n);
    return {.bytes = bytes / n_together,
            .multiply_adds = {.int8 = model.per_token.int8 + share * model.per_output.int8,
                              .f32 = model.per_token.f32 + share * model.per_output.f32}};
  }

  // Sequences that are answered together read the weights once.
  TokenWork work_of_writing(std::uint32_t n_seqs) const {
    const ModelInfo& model = core_.parts.model->info();
    return {.bytes = static_cast<double>(model.n_token_bytes) / n_seqs + state_bytes(),
            .multiply_adds = {.int8 = model.per_token.int8 + model.per_output.int8,
                              .f32 = model.per_token.f32 + model.per_output.f32}};
  }

  double state_bytes() const {
    return static_cast<double>(core_.info.n_r_bytes + core_.info.n_s_bytes);
  }

  Engine::Core& core_;
  const BenchArguments& options_;
  MachineSpeed before_;  // the machine, when it was measured last
  Clock::time_point measured_at_ = Clock::now();
};

// The header is printed when nothing can go wrong any more.
Status run_with(const BenchArguments& options, int n_threads, const std::string& header,
                std::vector<Measured>& all) {
  EngineOptions engine = options.model.engine;
  engine.n_threads = n_threads;
  engine.prefix_cache_bytes = 0;  // every prompt is to be read
  engine.n_seq_max = *std::max_element(options.sequences.begin(), options.sequences.end());
  engine.n_batch = std::max({engine.n_batch, engine.n_ubatch, engine.n_seq_max});
  EDDY_TRY_ASSIGN(EngineParts parts, open_parts(options.model.path, engine));
  EDDY_TRY_ASSIGN(const auto core, Engine::Core::create(std::move(parts), engine));
  Bench bench(*core, options);
  fmt::print("{}", header);
  return bench.run(all);
}

Result<ExitCode> run_bench(const BenchArguments& options) {
  if (options.model.path.empty()) return fail(ErrorCode::kInvalidArgument, "MODEL is required");
  ModelOptions model = options.model;
  model.engine.n_threads = options.threads.front();
  if (options.state) {
    if (options.sessions > 0) {
      return fail(ErrorCode::kInvalidArgument, "bench state: --sessions is measured without it");
    }
    StateBenchOptions state = {.repetitions = options.repetitions, .format = options.format};
    if (options.has_prompt_tokens) state.n_prompt = options.prompt_tokens.front();
    return bench_state(model, state);
  }
  if (options.sessions > 0) return bench_sessions(model, options.sessions, options.format);
  std::string header = format_header(options.format, Measured().row());
  std::vector<Measured> all;
  for (const int n_threads : options.threads) {
    EDDY_TRY(run_with(options, n_threads, std::exchange(header, {}), all));
  }
  if (options.svg.empty()) return ExitCode::kOk;
  const std::string svg = bench_chart(all);
  EDDY_TRY(atomic_write_file(posix_file_system(), options.svg, std::as_bytes(std::span(svg))));
  return ExitCode::kOk;
}

template <class T>
void add_list(CLI::App& app, const char* flag, std::vector<T>& list, T low, T high,
              const char* help) {
  app.add_option(flag, list, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("N,...")
      ->check(CLI::Range(low, high));
}

}  // namespace

Command add_bench(CLI::App& program) {
  CLI::App* app = program.add_subcommand("bench", "Measure how fast a model reads and writes");
  const auto options = std::make_shared<BenchArguments>();
  add_model_options(*app, options->model);
  add_memory_options(*app, options->model.engine);
  const std::function<Result<ExitCode>()> codecs = add_bench_codecs(*app);
  const std::function<Result<ExitCode>()> speculation = add_bench_speculation(*app);
  const std::function<Result<ExitCode>()> traces = add_bench_traces(*app);
  add_list(*app, "-t,--threads", options->threads, 0, 256,
           "threads; 0: one for each physical core");
  add_list<std::int64_t>(*app, "-p,--prompt-tokens", options->prompt_tokens, 0, 1 << 24,
                         "lengths of the prompts; 0: none; of state: of its long one");
  add_list<std::int64_t>(*app, "-n,--answer-tokens", options->answer_tokens, 0, 1 << 24,
                         "lengths of the answers; 0: none");
  add_list<std::uint32_t>(*app, "-b,--sequences", options->sequences, 1, 4096,
                          "sequences that are answered at the same time");
  app->add_option("-r,--repetitions", options->repetitions, "how often each is measured")
      ->type_name("N")
      ->check(CLI::Range(1, 10000));
  app->add_subcommand("state", "Measure what states cost: forks, rewinds, saving, restoring")
      ->fallthrough();  // its options are these
  app->add_option("--sessions", options->sessions,
                  "measure instead how N conversations, which wait outside of 16 cells, go on")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  add_choice(*app, "--format", options->format, table_formats(), "how rows are written");
  app->add_option("--svg", options->svg, "also draw tokens/s and the limits into this file")
      ->type_name("FILE");
  app->footer(
      "Shows the median and the range over the repetitions, and what the machine was measured to\n"
      "do with these threads, just before or just after: bytes read and multiply-adds in F32 and\n"
      "int8, each in 10^9 per second. The limit is the longer of the times that a token's bytes "
      "and\n"
      "its multiply-adds with weights would take at those speeds; bandwidth_share and "
      "compute_share\n"
      "are these times over the measured one, limit_share the larger of both.\n\n"
      "Example:\n  eddy bench model.gguf -p 512 -n 64 -b 1,32 -t 1,2\n"
      "  eddy bench state model.gguf\n  eddy bench traces\n"
      "  eddy bench codecs model.gguf text.txt\n"
      "  eddy bench speculation model.gguf before.cpp after.cpp");
  // Its own commands have theirs, so that run_bench() asks for it.
  app->get_option("MODEL")->required(false);
  return {.app = app, .run = [app, options, codecs, speculation, traces] {
            if (app->got_subcommand("codecs")) return codecs();
            if (app->got_subcommand("speculation")) return speculation();
            options->state = app->got_subcommand("state");
            options->has_prompt_tokens = app->count("--prompt-tokens") > 0;
            return app->got_subcommand("traces") ? traces() : run_bench(*options);
          }};
}

}  // namespace eddy
