#include "memory/retention.h"

#include <algorithm>
#include <limits>

namespace eddy {
namespace {

// First guesses of ReuseCounts::share(), by kind (prompt, answer, turn, fork, stem, ladder) and by
// uses so far (none, one, two, more), and how many states it takes to outweigh them. This and the
// horizon were found with `eddy bench traces` (docs/prefix-cache.md).
constexpr double kGuesses[kNCaptureKinds][4] = {
    {0.3, 0.3, 0.5, 0.8}, {0.5, 0.3, 0.5, 0.8}, {0.3, 0.5, 0.7, 0.9},
    {0.3, 0.5, 0.7, 0.9}, {0.1, 0.3, 0.5, 0.8}, {0.1, 0.3, 0.5, 0.8},
};
constexpr double kGuessWeight = 2;

// Requests over which the chance of a young state is spread, so that it is not dear beyond measure.
constexpr double kHorizon = 4;

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

void ReuseCounts::add(CaptureKind kind, std::uint32_t n_uses) {
  auto& counts = counts_[static_cast<std::size_t>(kind)];
  const auto class_of = [](std::uint32_t n) { return std::min<std::size_t>(n, kNClasses - 1); };
  counts[class_of(n_uses)].n_states += 1;
  if (n_uses > 0) counts[class_of(n_uses - 1)].n_reused += 1;
}

double ReuseCounts::share(CaptureKind kind, std::uint32_t n_uses) const {
  const auto row = static_cast<std::size_t>(kind);
  const std::size_t column = std::min<std::size_t>(n_uses, kNClasses - 1);
  const Count& count = counts_[row][column];
  return (count.n_reused + kGuesses[row][column] * kGuessWeight) / (count.n_states + kGuessWeight);
}

// A state that is asked for again with chance p, each time anew, is asked for p / (1 - p) times.
// When, falls off as the square of the age: gaps between uses have no scale of their own, in
// traffic of ten sessions or a thousand (a Lomax distribution of shape 1).
double reuse_chance(const RetentionFacts& facts) {
  const double n_uses = facts.reuse_share / (1 - facts.reuse_share);
  const double age = static_cast<double>(facts.age) + kHorizon;
  return n_uses / (age * age);
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
