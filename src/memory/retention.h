// Retention: which stored states stay when bytes are short. Pure functions: the prefix tree calls
// them in production and in the trace simulator alike.
//
// A state is worth the time that it saves, times the chance that it will be asked for, for each
// byte that it takes. The time is what computing it again from the nearest kept state before it
// would take, by the owner's own measurement; so a state next to another one is cheap to lose, and
// grows dearer when its neighbour goes. Only the state that a request starts from counts as used;
// those that it passes on the way are not (docs/decisions/0026-where-states-are-kept.md has the
// reasons).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace eddy {

// Why a state was captured.
enum class CaptureKind : std::uint8_t {
  kPrompt,  // the end of a prompt
  kAnswer,  // the end of an answer
  kTurn,    // the start of a turn, as the caller marked it
  kFork,    // where two requests parted
  kStem,    // a rung of the ladder below the end of the system prompt
  kLadder,  // a rung of the ladder below the end of a prompt
};
inline constexpr std::size_t kNCaptureKinds = 6;

// How often states were asked for again, by kind and by how often they had been before. Counts that
// the policy learns its chances from: what is kept in vain in one kind of traffic (ends of answers,
// where a template rewrites them) is the best of all in another.
class ReuseCounts {
 public:
  // A state of this kind has now been used so many times; at 0 it is new.
  void add(CaptureKind kind, std::uint32_t n_uses);

  // Of the states of this kind that had been used so often, the share that was used again: from a
  // first guess, 0 and 1 excluded.
  double share(CaptureKind kind, std::uint32_t n_uses) const;

 private:
  static constexpr std::size_t kNClasses = 4;  // never used, once, twice, more often
  struct Count {
    double n_states = 0;
    double n_reused = 0;
  };
  Count counts_[kNCaptureKinds][kNClasses];
};

// What the policies know of a state.
struct RetentionFacts {
  double rebuild_ms = 0;      // to compute it again from the nearest kept state before it
  std::uint64_t n_bytes = 0;  // that it takes
  std::uint64_t age = 0;      // requests since it was captured or last used
  std::uint32_t n_below = 0;  // kept states that have it as their nearest one before
  double reuse_share = 0.5;   // of such states, those that are asked for again (ReuseCounts)
  bool is_pinned = false;     // stays, whatever it is worth
};

enum class RetentionRule {
  kWorth,    // rebuild time x chance of reuse / bytes: eddy's own
  kLru,      // the one unused for longest
  kMarconi,  // recency + alpha x time saved for each byte (arXiv 2411.19379, section 4.3)
};

struct RetentionPolicy {
  RetentionRule rule = RetentionRule::kWorth;
  double alpha = 1;  // of Marconi's rule
};

// An estimate, up to a factor that is the same for all states, of how often it will be asked for.
double reuse_chance(const RetentionFacts& facts);

// Of RetentionRule::kWorth: ms saved for each byte and request.
double worth(const RetentionFacts& facts);

// The index of the state that goes first; of equals the first in the list. nullopt: all are pinned.
// O(states).
std::optional<std::size_t> pick_victim(std::span<const RetentionFacts> states,
                                       const RetentionPolicy& policy);

}  // namespace eddy
