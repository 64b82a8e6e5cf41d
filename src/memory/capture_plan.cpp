#include "memory/capture_plan.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace eddy {
namespace {

// A path shorter than this is computed again sooner than a state is worth its bytes.
constexpr Pos kUnit = 64;
// What the ladder below the end of a shorter prompt does not reach is not much.
constexpr Pos kLeastHalved = 8 * kUnit;

// Plans one prompt. Positions that are kept or chosen stand in taken_, ascending.
class Planner {
 public:
  explicit Planner(const CaptureRequest& request)
      : request_(request), n_max_(max_states_on_path(request.n_tokens, request.turns.size())) {
    for (const KeptState& state : request.kept) taken_.push_back(state.n_tokens);
  }

  CapturePlan plan() {
    n_room_ = n_free(n_reserved() + n_immovable());
    plan_.captures.reserve(n_room_);
    add_end();
    add_fork();
    add_turns();
    add_rungs();
    std::sort(plan_.captures.begin(), plan_.captures.end(),
              [](const Capture& a, const Capture& b) { return a.n_tokens < b.n_tokens; });
    choose_drops();
    return std::move(plan_);
  }

 private:
  // Places that later states will need: the end of the answer, a rung below it, and where another
  // prompt will part.
  std::size_t n_reserved() const {
    if (request_.is_answer) return 0;
    return n_max_ < 2 ? 0 : n_max_ < 10 ? 1 : n_max_ < 12 ? 2 : 3;
  }

  // What is pinned, and what the prompt starts from: that has just been of use. But a rung gives
  // way to the state where the prompt parts, which is better placed.
  bool is_immovable(const KeptState& state) const {
    const bool gives_way =
        state.kind == CaptureKind::kLadder && request_.n_parted - state.n_tokens >= kMinCaptureGap;
    return state.is_pinned || (state.n_tokens == request_.n_start && !gives_way);
  }
  std::size_t n_immovable() const {
    return static_cast<std::size_t>(
        std::count_if(request_.kept.begin(), request_.kept.end(),
                      [&](const KeptState& state) { return is_immovable(state); }));
  }

  std::size_t n_free(std::size_t n_used) const { return n_max_ - std::min(n_max_, n_used); }

  bool can_capture(Pos pos) const { return pos > request_.n_start && pos <= request_.n_tokens; }

  // The last kept or chosen position at or before pos; 0: none.
  Pos last_taken(Pos pos) const {
    const auto after = std::upper_bound(taken_.begin(), taken_.end(), pos);
    return after == taken_.begin() ? 0 : *std::prev(after);
  }

  bool add(Pos pos, CaptureKind kind) {
    if (plan_.captures.size() >= n_room_) return false;
    plan_.captures.push_back({pos, kind});
    taken_.insert(std::upper_bound(taken_.begin(), taken_.end(), pos), pos);
    return true;
  }

  void add_spaced(Pos pos, CaptureKind kind) {
    if (can_capture(pos) && pos - last_taken(pos) >= kMinCaptureGap) add(pos, kind);
  }

  void add_end() {
    const Pos end = request_.n_tokens;
    const bool is_kept = std::any_of(
        request_.kept.begin(), request_.kept.end(),
        [&](const KeptState& state) { return state.n_tokens == end && state.has_logits; });
    if (is_kept || !can_capture(end)) return;
    add(end, request_.is_answer ? CaptureKind::kAnswer : CaptureKind::kPrompt);
  }

  void add_fork() {
    if (!request_.is_answer && request_.n_parted < request_.n_tokens) {
      add_spaced(request_.n_parted, CaptureKind::kFork);
    }
  }

  // The end of the system prompt first, then the newest turns.
  void add_turns() {
    const std::span<const Pos> turns = request_.turns;
    if (turns.empty() || request_.is_answer) return;
    add_spaced(turns.front(), CaptureKind::kTurn);
    for (std::size_t i = turns.size(); i-- > 1;) add_spaced(turns[i], CaptureKind::kTurn);
  }

  // How many rungs there may be: as many as lasting states leave room for, and in any case four (or
  // half of the logarithm), at the cost of ends of prompts, partings and stems; never of turns. An
  // answer pushes nothing out for the sake of a rung.
  std::size_t n_rungs() const {
    const auto n_kept = [&](int least_rank) {
      return static_cast<std::size_t>(
          std::count_if(request_.kept.begin(), request_.kept.end(), [&](const KeptState& state) {
            return is_immovable(state) || rank(state) >= least_rank;
          }));
    };
    const std::size_t n_others = plan_.captures.size() + n_reserved();
    if (request_.is_answer) return n_free(request_.kept.size() + n_others + 1);
    const std::size_t n_least =
        std::min<std::size_t>(max_states_on_path(request_.n_tokens, 0) / 2, 4);
    const std::size_t n_most =
        std::min(n_free(n_kept(2) + n_others), n_room_ - std::min(n_room_, plan_.captures.size()));
    return std::min(std::max(n_free(n_kept(1) + n_others), n_least), n_most);
  }

  // First those that a late ladder does not reach; then half below the end of the system prompt,
  // where that is computed anew, half below the end; what one ladder does not need the other may
  // have.
  void add_rungs() {
    std::size_t n_left = n_rungs();
    n_left -= add_halves(n_left);
    const Pos stem = request_.turns.empty() || request_.is_answer ? 0 : request_.turns.front();
    n_left -= add_ladder(stem, n_left / 2, CaptureKind::kStem);
    n_left -= add_ladder(request_.n_tokens, n_left, CaptureKind::kLadder);
    add_ladder(stem, n_left, CaptureKind::kStem);
  }

  // Where no turns are marked, a rung at half of the prompt and one at a quarter, at most n, where
  // no state is near below; how many were added. Whatever is edited in the middle, a part of what
  // comes before is restored.
  std::size_t add_halves(std::size_t n) {
    std::size_t n_added = 0;
    const bool has_turns = !request_.turns.empty() && request_.turns.back() > 0;
    if (has_turns || request_.is_answer || request_.n_tokens < kLeastHalved) return 0;
    for (const Pos at : {request_.n_tokens / 2, request_.n_tokens / 4}) {
      const bool is_near = last_taken(at) > at - at / 4;
      if (n_added == n || is_near || at <= request_.n_parted || !can_capture(at)) continue;
      if (add(at, CaptureKind::kLadder)) ++n_added;
    }
    return n_added;
  }

  // Rungs below `top`, at most n; how many were added. A state that is there already is a rung.
  // None on what is shared with other paths: those have theirs, and their limits.
  std::size_t add_ladder(Pos top, std::size_t n, CaptureKind kind) {
    std::size_t n_added = 0;
    Pos gap = request_.is_answer ? kMinCaptureGap : kUnit;
    for (Pos at = top; n_added < n && at > kUnit;) {
      const Pos rung = std::max(at - gap, request_.n_parted + 1);
      const Pos kept = last_taken(at - 1);
      if (needs_rung(at, rung, kept)) {
        if (rung >= at || !can_capture(rung) || !add(rung, kind)) break;
        ++n_added;
        at = rung;
      } else {
        at = kept;
      }
      gap = std::min(2 * gap, replay_bound(at));
    }
    return n_added;
  }

  // Not where a state a little below will do.
  static bool needs_rung(Pos at, Pos rung, Pos kept) {
    return rung - kept >= kMinCaptureGap || (kept < rung && at - kept > replay_bound(at));
  }

  // Whether it is the last state at a turn, or a little before one.
  bool is_turns(const KeptState& state) const {
    const auto turn =
        std::lower_bound(request_.turns.begin(), request_.turns.end(), state.n_tokens);
    return turn != request_.turns.end() && *turn - state.n_tokens < kMinCaptureGap &&
           last_taken(*turn) == state.n_tokens;
  }

  // How readily a kept state goes: rungs of the past, and ends of prompts that were never used
  // again, before all others; what turns left behind last.
  int rank(const KeptState& state) const {
    if (is_turns(state)) return 2;
    const bool is_rung = state.kind == CaptureKind::kLadder;
    const bool is_unused_end = state.kind == CaptureKind::kPrompt && !state.is_used;
    return is_rung || is_unused_end ? 0 : 1;
  }

  void choose_drops() {
    std::vector<KeptState> left;
    for (const KeptState& state : request_.kept) {
      const auto is_there = [&](const Capture& c) { return c.n_tokens == state.n_tokens; };
      // A capture at the same position takes the state's place.
      if (std::any_of(plan_.captures.begin(), plan_.captures.end(), is_there)) continue;
      if (is_outdone(state)) {
        plan_.drops.push_back(state.id);
      } else {
        left.push_back(state);
      }
    }
    while (left.size() > n_free(plan_.captures.size() + n_reserved())) {
      const std::size_t i = least_worth(left);
      if (i == left.size()) break;
      plan_.drops.push_back(left[i].id);
      taken_.erase(std::find(taken_.begin(), taken_.end(), left[i].n_tokens));
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  // Whether it lies one token below the end of this prompt, which is stored now.
  bool is_outdone(const KeptState& state) const {
    return !request_.is_answer && !state.is_pinned && state.n_tokens + 1 == request_.n_tokens &&
           last_taken(request_.n_tokens) == request_.n_tokens;
  }

  std::size_t least_worth(const std::vector<KeptState>& states) const {
    std::size_t least = states.size();
    std::pair<int, double> least_key = {std::numeric_limits<int>::max(), 0};
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (is_immovable(states[i])) continue;
      const auto n_replayed =
          static_cast<double>(states[i].n_tokens - last_taken(states[i].n_tokens - 1));
      const std::pair key(rank(states[i]), n_replayed * states[i].worth_per_token);
      if (least != states.size() && !(key < least_key)) continue;
      least = i;
      least_key = key;
    }
    return least;
  }

  const CaptureRequest& request_;
  const std::size_t n_max_;
  std::size_t n_room_ = 0;  // captures that fit
  std::vector<Pos> taken_;
  CapturePlan plan_;
};

}  // namespace

Pos replay_bound(Pos n_shared) { return std::max<Pos>(kUnit, n_shared * 3 / 100); }

std::size_t max_states_on_path(Pos n_tokens, std::size_t n_turns) {
  // floor(2 log2(L / 64)) = floor(log2(L^2 / 4096)); L beyond 2^31 counts as 2^31.
  const auto n = static_cast<std::uint64_t>(
      std::clamp<Pos>(n_tokens, 0, std::numeric_limits<std::int32_t>::max()));
  const std::uint64_t units = n * n / static_cast<std::uint64_t>(kUnit * kUnit);
  const auto n_log = units == 0 ? 0 : static_cast<std::size_t>(std::bit_width(units) - 1);
  return n_log + std::max<std::size_t>(n_turns, 1);
}

CapturePlan plan_captures(const CaptureRequest& request) { return Planner(request).plan(); }

}  // namespace eddy
