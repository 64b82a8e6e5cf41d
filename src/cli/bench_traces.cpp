#include "cli/bench_traces.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/try.h"
#include "cli/bench_table.h"
#include "cli/choice.h"
#include "engine/trace_simulator.h"

namespace eddy {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

struct BenchTracesArguments {
  std::vector<TraceKind> traces = {kTraceKinds.begin(), kTraceKinds.end()};
  std::vector<std::uint64_t> budgets_mib = {32, 64, 128, 256, 1024, 0};
  std::uint64_t state_kib = 2736;  // mamba-130m in F32
  std::uint64_t seed = 1;
  std::size_t n_requests = 0;  // of each trace; 0: all
  TableFormat format = TableFormat::kMarkdown;
};

// What is compared: a rule of eviction, and where states are placed.
struct Contestant {
  const char* name;
  RetentionRule rule;
  Placement placement;
};

// Marconi's rule with eddy's placement too, so that rules of eviction are compared on equal terms.
constexpr Contestant kContestants[] = {
    {"eddy", RetentionRule::kWorth, Placement::kLadders},
    {"lru", RetentionRule::kLru, Placement::kLadders},
    {"marconi", RetentionRule::kMarconi, Placement::kLadders},
    {"marconi-own", RetentionRule::kMarconi, Placement::kEndAndFork},
};

// Marconi finds its alpha by replaying the trace; here it is given the best of these in hindsight.
constexpr double kAlphas[] = {0, 0.1, 0.3, 1, 2};

Result<TraceResult> best_result(std::span<const TraceRequest> trace, const Contestant& contestant,
                                SimulatorOptions options) {
  options.placement = contestant.placement;
  std::optional<TraceResult> best;
  for (const double alpha : kAlphas) {
    options.policy = {.rule = contestant.rule, .alpha = alpha};
    EDDY_TRY_ASSIGN(TraceResult result, simulate(trace, options));
    if (!best || result.n_restored_tokens > best->n_restored_tokens) best = result;
    if (contestant.rule != RetentionRule::kMarconi) break;
  }
  return *best;
}

TableRow row_of(TraceKind trace, std::uint64_t budget_mib, const char* policy,
                const TraceResult& result) {
  const auto n = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  return {{"trace", std::string(trace_name(trace))},
          {"budget_mib", budget_mib == 0 ? std::string("all") : fmt::format("{}", budget_mib)},
          {"policy", std::string(policy)},
          {"requests", n(result.n_requests)},
          {"prompt_tokens", n(result.n_prompt_tokens)},
          {"shared", n(result.n_shared_tokens)},
          {"hit_rate", result.hit_rate(), 4},
          {"shared_hit_rate", result.shared_hit_rate(), 4},
          {"recomputed", n(result.n_prompt_tokens - result.n_restored_tokens)},
          {"recomputed_shared", n(result.n_replayed_tokens)},
          {"over_bound", n(result.n_over_bound)},
          {"worst", result.worst_replay, 2},
          {"path_states", n(result.n_states_on_path)},
          {"over_limit", result.n_over_limit},
          {"evicted", n(result.n_evicted)}};
}

Result<ExitCode> run_traces(const BenchTracesArguments& options) {
  fmt::print("{}", format_header(options.format, row_of(TraceKind::kChat, 0, "", {})));
  for (const TraceKind kind : options.traces) {
    std::vector<TraceRequest> trace = make_trace(kind, options.seed);
    if (options.n_requests > 0) trace.resize(std::min(options.n_requests, trace.size()));
    for (const std::uint64_t budget_mib : options.budgets_mib) {
      SimulatorOptions simulator;
      simulator.n_state_bytes = options.state_kib * 1024;
      if (budget_mib > 0) simulator.n_bytes_max = budget_mib * kMiB;
      for (const Contestant& contestant : kContestants) {
        EDDY_TRY_ASSIGN(const TraceResult result, best_result(trace, contestant, simulator));
        fmt::print("{}",
                   format_row(options.format, row_of(kind, budget_mib, contestant.name, result)));
      }
    }
  }
  return ExitCode::kOk;
}

}  // namespace

std::function<Result<ExitCode>()> add_bench_traces(CLI::App& bench) {
  CLI::App* app = bench.add_subcommand("traces", "Compare rules of eviction on synthetic traces");
  const auto options = std::make_shared<BenchTracesArguments>();
  std::map<std::string, TraceKind> traces;
  for (const TraceKind kind : kTraceKinds) traces.emplace(trace_name(kind), kind);
  add_choice(*app, "--traces", options->traces, traces, "which ones; default: all")
      ->delimiter(',')
      ->allow_extra_args(false);
  app->add_option("--budgets", options->budgets_mib, "MiB for all states; 0: all that there are")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("MIB,...")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 30));
  app->add_option("--state-kib", options->state_kib, "size of a state; default: mamba-130m in F32")
      ->type_name("KIB")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 30));
  app->add_option("--seed", options->seed, "of the traces")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 32));
  app->add_option("--requests", options->n_requests, "the first N of each trace; 0: all")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  add_choice(*app, "--format", options->format, table_formats(), "how rows are written");
  app->footer(
      "Needs no model: states are counted, not computed. hit_rate: prompt tokens that were "
      "restored;\n"
      "recomputed_shared: tokens seen before that are computed again; over_bound: requests with "
      "more\n"
      "of them than max(64, 3 %), worst: the most, as a multiple of that; path_states: most "
      "states\n"
      "on a path, over_limit: most above 2 log2(tokens / 64) + turns. Marconi's alpha is the best "
      "of\n"
      "five for each row. docs/prefix-cache.md has the rest.\n\n"
      "Example:\n  eddy bench traces --budgets 64,256,0");
  return [options] { return run_traces(*options); };
}

}  // namespace eddy
