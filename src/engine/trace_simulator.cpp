#include "engine/trace_simulator.h"

#include <algorithm>
#include <vector>

#include "base/try.h"
#include "memory/prefix_tree.h"

namespace eddy {
namespace {

class Simulator {
 public:
  explicit Simulator(const SimulatorOptions& options) : options_(options), tree_(options.policy) {}

  Status run(const TraceRequest& request) {
    EDDY_TRY_ASSIGN(const Pos n_start, start(request));
    EDDY_TRY(capture(
        {.key = key_, .tokens = request.prompt, .n_start = n_start, .turns = request.turns}));
    std::vector<Token> whole = request.prompt;
    whole.insert(whole.end(), request.answer.begin(), request.answer.end());
    EDDY_TRY(answer(request, whole));
    EDDY_TRY(tree_.note_path(key_, whole));
    look_at_path(whole, request.turns.size());
    result_.n_bytes_most = std::max(result_.n_bytes_most, tree_.n_bytes());
    return {};
  }

  // States on a path that was run, once more: later requests may have added some.
  void look_at_path(std::span<const Token> tokens, std::size_t n_turns) {
    const std::size_t n = tree_.states_on_path(key_, tokens).size();
    const std::size_t n_max = max_states_on_path(static_cast<Pos>(tokens.size()), n_turns);
    result_.n_states_on_path = std::max<std::uint64_t>(result_.n_states_on_path, n);
    result_.n_over_limit = std::max(
        result_.n_over_limit, static_cast<std::int64_t>(n) - static_cast<std::int64_t>(n_max));
  }

  const TraceResult& result() const { return result_; }

 private:
  // Where the prompt's computation starts, and the books on it.
  Result<Pos> start(const TraceRequest& request) {
    const PrefixMatch match = tree_.match(key_, request.prompt);
    const Pos n_start = match.hit ? match.hit->n_tokens : 0;
    if (match.hit) EDDY_TRY(tree_.use(match.hit->id));
    const Pos n_replayed = match.n_known - n_start;
    const Pos n_bound = replay_bound(match.n_known);
    ++result_.n_requests;
    result_.n_prompt_tokens += request.prompt.size();
    result_.n_shared_tokens += static_cast<std::uint64_t>(match.n_known);
    result_.n_restored_tokens += static_cast<std::uint64_t>(n_start);
    result_.n_replayed_tokens += static_cast<std::uint64_t>(n_replayed);
    if (match.n_known >= 64) {
      ++result_.n_sharing;
      if (match.hit) ++result_.n_hits;
    }
    if (n_replayed > n_bound) ++result_.n_over_bound;
    result_.worst_replay = std::max(result_.worst_replay,
                                    static_cast<double>(n_replayed) / static_cast<double>(n_bound));
    return n_start;
  }

  // The last token of an answer is shown, not computed.
  Status answer(const TraceRequest& request, std::span<const Token> whole) {
    if (request.answer.empty()) return {};
    const auto computed = whole.first(whole.size() - 1);
    const auto n_prompt = static_cast<Pos>(request.prompt.size());
    const auto n_computed = static_cast<Pos>(computed.size());
    if (n_computed == n_prompt) return {};
    return capture({.key = key_,
                    .tokens = computed,
                    .n_start = std::max(n_prompt, n_computed - options_.n_rewind),
                    .turns = request.turns,
                    .is_answer = true});
  }

  Status capture(const PlanRequest& request) {
    const Pos n_known = tree_.match(key_, request.tokens).n_known;
    EDDY_TRY_ASSIGN(CapturePlan plan, tree_.plan(request));
    if (options_.placement == Placement::kEndAndFork) plan = end_and_fork(request, n_known);
    for (const Capture& capture : plan.captures) EDDY_TRY(store(request, capture));
    for (const EntryId id : plan.drops) {
      if (tree_.contains(id)) EDDY_TRY(tree_.erase(id));
    }
    return {};
  }

  static CapturePlan end_and_fork(const PlanRequest& request, Pos n_known) {
    CapturePlan plan;
    const auto n_tokens = static_cast<Pos>(request.tokens.size());
    if (request.is_answer) {
      plan.captures.push_back({n_tokens, CaptureKind::kAnswer});
    } else if (n_known > request.n_start && n_known < n_tokens) {
      plan.captures.push_back({n_known, CaptureKind::kFork});
    }
    return plan;
  }

  Status store(const PlanRequest& request, const Capture& capture) {
    const auto n = static_cast<std::size_t>(capture.n_tokens);
    EDDY_TRY(tree_.insert(request.key, request.tokens.first(n),
                          {.id = EntryId(n_ids_++),
                           .kind = capture.kind,
                           .n_turns = static_cast<std::uint32_t>(request.turns.size()),
                           .has_logits = n == request.tokens.size(),
                           .n_bytes = options_.n_state_bytes}));
    ++result_.n_captured;
    if (tree_.n_bytes() <= options_.n_bytes_max) return {};
    EDDY_TRY_ASSIGN(const auto gone,
                    tree_.evict({.n_bytes = tree_.n_bytes() - options_.n_bytes_max}));
    result_.n_evicted += gone.size();
    return {};
  }

  const SimulatorOptions& options_;
  const PrefixKey key_;
  PrefixTree tree_;
  TraceResult result_;
  std::int32_t n_ids_ = 0;
};

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double TraceResult::hit_rate() const { return ratio(n_restored_tokens, n_prompt_tokens); }

double TraceResult::shared_hit_rate() const { return ratio(n_restored_tokens, n_shared_tokens); }

Result<TraceResult> simulate(std::span<const TraceRequest> trace, const SimulatorOptions& options) {
  Simulator simulator(options);
  for (const TraceRequest& request : trace) EDDY_TRY(simulator.run(request));
  for (const TraceRequest& request : trace) {
    std::vector<Token> whole = request.prompt;
    whole.insert(whole.end(), request.answer.begin(), request.answer.end());
    simulator.look_at_path(whole, request.turns.size());
  }
  return simulator.result();
}

}  // namespace eddy
