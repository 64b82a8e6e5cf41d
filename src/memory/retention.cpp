#include "memory/retention.h"

#include <algorithm>
#include <limits>

namespace eddy {
namespace {

// Uses that a new state can hope for before anything is known of it, by kind: prompt, answer, turn,
// fork, stem, ladder. Found with `eddy bench traces` (docs/prefix-cache.md).
constexpr double kPriorAtTip[kNCaptureKinds] = {0.5, 1.0, 0.5, 1.0, 0.1, 0.1};
constexpr double kPriorPassed[kNCaptureKinds] = {0.05, 0.05, 0.1, 0.3, 0.1, 0.05};

// Requests within which the first use would come: keeps young states from being dear beyond
// measure.
constexpr double kHorizon = 16;

double recency(const RetentionFacts& facts) { return 1.0 / static_cast<double>(facts.age + 1); }

double ms_per_byte(const RetentionFacts& facts) {
  return facts.rebuild_ms / static_cast<double>(std::max<std::uint64_t>(facts.n_bytes, 1));
}

// Maps a value onto 0 .. 1 between the least and the greatest of all candidates.
class Range {
 public:
  void add(double x) {
    low_ = std::min(low_, x);
    high_ = std::max(high_, x);
  }
  double share(double x) const { return high_ > low_ ? (x - low_) / (high_ - low_) : 0; }

 private:
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

// States with several others behind them are no candidates of Marconi's: there is always one.
bool is_candidate(const RetentionFacts& facts, RetentionRule rule) {
  return !facts.is_pinned && (rule != RetentionRule::kMarconi || facts.n_below <= 1);
}

}  // namespace

double reuse_chance(const RetentionFacts& facts) {
  const auto kind = static_cast<std::size_t>(facts.kind);
  const bool is_tip = facts.n_below == 0;
  const double prior = is_tip ? kPriorAtTip[kind] : kPriorPassed[kind];
  // The first path that goes on from a state is the conversation that made it: it has moved on.
  const double n_moved_on = is_tip ? 0 : 1;
  const double n_returns = std::max(0.0, static_cast<double>(facts.n_uses) - n_moved_on);
  return (prior + n_returns) / (static_cast<double>(facts.age) + kHorizon);
}

double worth(const RetentionFacts& facts) { return ms_per_byte(facts) * reuse_chance(facts); }

std::optional<std::size_t> pick_victim(std::span<const RetentionFacts> states,
                                       const RetentionPolicy& policy) {
  Range recencies, savings;
  if (policy.rule == RetentionRule::kMarconi) {
    for (const RetentionFacts& facts : states) {
      if (!is_candidate(facts, policy.rule)) continue;
      recencies.add(recency(facts));
      savings.add(ms_per_byte(facts));
    }
  }
  const auto score = [&](const RetentionFacts& facts) {
    switch (policy.rule) {
      case RetentionRule::kLru: return recency(facts);
      case RetentionRule::kMarconi:
        return recencies.share(recency(facts)) + policy.alpha * savings.share(ms_per_byte(facts));
      case RetentionRule::kWorth: break;
    }
    return worth(facts);
  };
  std::optional<std::size_t> victim;
  double least = 0;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (!is_candidate(states[i], policy.rule)) continue;
    const double x = score(states[i]);
    if (victim && !(x < least)) continue;
    victim = i;
    least = x;
  }
  return victim;
}

}  // namespace eddy
