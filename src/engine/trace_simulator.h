// Runs a trace through the prefix tree and its policies as an engine would, but computes nothing:
// what would be restored, computed again, stored and evicted. The tree, the plans and the policies
// are those of production (memory/prefix_tree.h).
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "eddy/result.h"
#include "engine/traces.h"
#include "memory/retention.h"

namespace eddy {

enum class Placement {
  kLadders,     // memory/capture_plan.h
  kEndAndFork,  // Marconi's admission: the last token of the answer, and where two requests part
};

struct SimulatorOptions {
  RetentionPolicy policy;
  Placement placement = Placement::kLadders;
  std::uint64_t n_bytes_max = std::numeric_limits<std::uint64_t>::max();  // of states and tree
  std::uint64_t n_state_bytes = 1;                                        // of each state
  Pos n_rewind = 1;  // tokens of an answer, back from its end, where states can be captured
};

// Shared tokens are those that a request has in common with any before it.
struct TraceResult {
  std::uint64_t n_requests = 0;
  std::uint64_t n_prompt_tokens = 0;
  std::uint64_t n_shared_tokens = 0;
  std::uint64_t n_restored_tokens = 0;
  std::uint64_t n_replayed_tokens = 0;  // shared tokens that were computed again
  std::uint64_t n_sharing = 0;          // requests that share 64 tokens or more
  std::uint64_t n_hits = 0;             // of those, the ones that started from a state
  std::uint64_t n_over_bound = 0;       // requests that replayed more than max(64, 3 % of shared)
  double worst_replay = 0;              // the most that was replayed, as a multiple of that bound
  std::uint64_t n_captured = 0;
  std::uint64_t n_evicted = 0;
  std::uint64_t n_states_on_path = 0;                                    // most states on a path
  std::int64_t n_over_limit = std::numeric_limits<std::int64_t>::min();  // most above its limit
  std::uint64_t n_bytes_most = 0;                                        // owned after any request

  double hit_rate() const;         // of tokens: restored / prompt
  double shared_hit_rate() const;  // restored / shared
};

// kOutOfMemory.
Result<TraceResult> simulate(std::span<const TraceRequest> trace, const SimulatorOptions& options);

}  // namespace eddy
