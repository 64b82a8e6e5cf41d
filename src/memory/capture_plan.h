// Where along a prompt states are captured: a pure function of what is known of the prompt's path.
//
// A recurrent state cannot be cut: a request that shares P tokens with what was seen starts from
// the deepest state kept at or before P and computes the rest again. So states are placed where
// requests part: at the end of the prompt and of the answer, where the caller's turns begin, where
// this prompt parts from the paths that are known, and on two ladders, one below the end of the
// prompt and one below the end of the system prompt. A ladder's gaps begin with 64 tokens and
// double, but none is above max(64, 3 % of its upper end): wherever a later request parts from this
// one within a ladder's reach, it computes at most that many shared tokens again. Where no turns
// are marked, there is a state at half of the prompt and one at a quarter of it besides.
//
// A path of L tokens with T turns holds at most floor(2 log2(L / 64)) + T states: older rungs make
// room for newer ones (docs/decisions/0026-where-states-are-kept.md has the proof).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/retention.h"

namespace eddy {

using EntryId = Id<struct EntryTag>;  // a stored state, named by its owner

// No state is captured fewer tokens than this behind another one, but for ends of prompts.
inline constexpr Pos kMinCaptureGap = 32;

// How many shared tokens may be computed again: max(64, 3 % of those shared).
Pos replay_bound(Pos n_shared);

// The most states that a path of n_tokens with so many turns holds. O(1).
std::size_t max_states_on_path(Pos n_tokens, std::size_t n_turns);

// A state that is kept on the path of the prompt.
struct KeptState {
  EntryId id = {};
  Pos n_tokens = 0;  // that led to it
  CaptureKind kind = CaptureKind::kPrompt;
  bool has_logits = false;
  bool is_pinned = false;
  bool is_used = false;        // a request has started from it
  double worth_per_token = 0;  // for each token that it is away from the state before it
};

struct CaptureRequest {
  Pos n_tokens = 0;  // of the prompt, or of prompt and answer
  // States at positions above n_start and up to n_tokens can be had: where the computation starts,
  // or, at the end of an answer, as far back as it can be rewound.
  Pos n_start = 0;
  // Where the prompt parts from a known path that goes on otherwise; 0: nowhere, all of it is new,
  // or goes on where a known path ends.
  Pos n_parted = 0;
  // Where turns begin, as numbers of tokens before them, ascending: the first is the end of the
  // system prompt (0 without one), then the start of each later turn of the user.
  std::span<const Pos> turns = {};
  std::span<const KeptState> kept = {};  // on the path, ascending by n_tokens
  bool is_answer = false;                // n_tokens is the end of an answer
};

struct Capture {
  Pos n_tokens = 0;
  CaptureKind kind = CaptureKind::kPrompt;
  bool operator==(const Capture&) const = default;
};

struct CapturePlan {
  std::vector<Capture> captures;  // ascending by n_tokens
  std::vector<EntryId> drops;     // to be erased once the captures are stored
};

// O((states on the path + turns)^2) at worst, independent of the number of tokens.
CapturePlan plan_captures(const CaptureRequest& request);

}  // namespace eddy
