// PrefixTree: which states are stored for which tokens, how a request finds the one to start from,
// where it should leave new ones, and which go when bytes are short.
//
// A radix tree over token ids, one for each key (model, state types, salt). It knows stored states
// by id only; the bytes are the owner's. A path may be known without a state on it: then a request
// that shares it is told how much it shares, and where the two part a state is captured. A hit
// compares tokens; no hash stands for them.
//
// How an engine uses it, for each request:
//
//   Match match = tree.match(key, prompt);                // how much is known, where to start
//   if (match.hit) tree.use(match.hit->id);               // the session starts there
//   Pos n_start = match.hit ? match.hit->n_tokens : 0;
//   auto plan = tree.plan({.key = key, .tokens = prompt, .n_start = n_start, .turns = turns});
//   ... computes prompt[n_start ..], and at each position of plan->captures stores the state:
//       auto replaced = tree.insert(key, prompt.first(capture.n_tokens),
//                                   {.kind = capture.kind, .n_turns = turns.size(), ...});
//       ... a state that it replaced is the owner's to free;
//   for (EntryId id : plan->drops) tree.erase(id);        // and frees those states
//   ... answers; then plan() again with prompt + answer and is_answer, and so on;
//   tree.note_path(key, prompt_and_answer);               // what was read but not stored
//   if (bytes are short) for (auto& gone : *tree.evict({.n_bytes = ...})) ... frees those states.
//
// A cancelled prefill inserts what it has captured, the state where it stopped, and notes its path.
// Where only cells are short, victims() names the states to move; set_tier() says that they have.
//
// Invariants; check() verifies them, with those of the nodes (memory/prefix_nodes.h):
//   T1  An entry's id leads to its node, and no two entries share an id.
//   T2  n_bytes(tier) is the sum of n_bytes of that tier's entries; n_bytes() adds what the tree
//   owns.
//
// All or nothing: a call that returns an error has changed nothing. Costs: match, insert, note_path
// and plan O(tokens) whatever the tree holds (plan also O((states on the path)^2), and O(what is
// known behind the place) where it puts a state on a shared part); erase, use and set_tier O(1);
// evict O(entries) for each state that goes. Nothing recurses.
//
// Threading: one thread, the engine's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/capture_plan.h"
#include "memory/prefix_nodes.h"
#include "memory/retention.h"

namespace eddy {

// A stored state that a request can start from.
struct PrefixHit {
  EntryId id = {};
  Pos n_tokens = 0;  // that led to it
  Tier tier = Tier::kCell;
};

// What is known of a request's tokens: n_known = restored (hit->n_tokens) + what must be computed
// again. Of that, the part up to n_given_up was stored once and evicted; the rest was never stored.
struct PrefixMatch {
  Pos n_known = 0;  // tokens that it shares with anything seen
  std::optional<PrefixHit>
      hit;             // the deepest state among them that leaves something to answer with
  Pos n_given_up = 0;  // at most n_known, above the hit; 0: none
};

struct PlanRequest {
  const PrefixKey& key;
  std::span<const Token> tokens;    // the prompt, or prompt and answer as far as they were computed
  Pos n_start = 0;                  // states above this position can be had, see CaptureRequest
  std::span<const Pos> turns = {};  // where turns begin, see CaptureRequest
  bool is_answer = false;
};

struct EvictRequest {
  std::uint64_t n_bytes = 0;  // to be made free
  std::optional<Tier> tier =
      std::nullopt;  // in this tier; nullopt: in all, with what the tree itself owns
};

struct EvictedState {
  EntryId id = {};
  Tier tier = Tier::kCell;
  std::uint64_t n_bytes = 0;
};

class PrefixTree {
 public:
  explicit PrefixTree(RetentionPolicy policy = {}) : policy_(policy) {}

  // --- Asking -------------------------------------------------------------------------------

  // A state at the very end of the tokens is a hit only if it has logits: without them the last
  // token must be computed again, and no state can step back. O(tokens).
  PrefixMatch match(const PrefixKey& key, std::span<const Token> tokens) const;

  // The states along these tokens, ascending. O(tokens).
  std::vector<KeptState> states_on_path(const PrefixKey& key, std::span<const Token> tokens) const;

  // Which states would go, in order, to make room; changes nothing. Fewer bytes than asked for if
  // no more can go.
  Result<std::vector<EvictedState>> victims(const EvictRequest& request) const;

  bool contains(EntryId id) const { return entries_.contains(id); }
  std::size_t n_entries() const { return entries_.size(); }
  // By kind. O(entries).
  std::array<std::uint64_t, kNCaptureKinds> n_entries_by_kind() const;
  std::size_t n_nodes() const { return nodes_.n_nodes(); }

  // Bytes of a tier's states; of the tree itself; of all together.
  std::uint64_t n_bytes(Tier tier) const { return n_tier_bytes_[static_cast<std::size_t>(tier)]; }
  std::uint64_t n_own_bytes() const;
  std::uint64_t n_bytes() const;

  // --- A request ----------------------------------------------------------------------------

  // Counts a request that starts from this state. kNotFound.
  Status use(EntryId id);

  // Where its computation should leave states, and which older ones should make room for them: on
  // its own path, and on those that part from it, where a state on the shared part is one more. A
  // prompt counts as a request: everything kept is one older. kInvalidArgument: n_start is negative
  // or beyond the tokens, turns do not ascend or lie outside the tokens. kOutOfMemory.
  Result<CapturePlan> plan(const PlanRequest& request);

  // The state that these tokens led to is stored. Where there was one, the new one takes its place
  // and its uses, and the old one's id is returned. kInvalidArgument: no tokens, an id that names
  // another entry, a time that is negative or no number. kOutOfMemory.
  Result<std::optional<EntryId>> insert(const PrefixKey& key, std::span<const Token> tokens,
                                        const PrefixEntry& entry);

  // These tokens were seen. kOutOfMemory.
  Status note_path(const PrefixKey& key, std::span<const Token> tokens);

  // --- Owning -------------------------------------------------------------------------------

  // Forgets a state; its path stays known. kNotFound.
  Status erase(EntryId id);

  // The state lies elsewhere now, or takes other bytes there. kNotFound.
  Status set_tier(EntryId id, Tier tier, std::uint64_t n_bytes);

  // A pinned state is neither evicted nor dropped by plans. kNotFound.
  Status set_pinned(EntryId id, bool is_pinned);

  // Forgets states, the first to go first, until so many bytes are free or none can go. Their paths
  // stay known; but paths without states, the one unseen for longest first, go before any state
  // when they take more than a sixteenth of all bytes, and last when nothing else is left.
  // kOutOfMemory.
  Result<std::vector<EvictedState>> evict(const EvictRequest& request);

  // Forgets everything known of a key, such as a tenant's salt; the states that it had.
  // kOutOfMemory. O(what is kept).
  Result<std::vector<EvictedState>> forget(const PrefixKey& key);

  // An empty string, or the first invariant found broken. For tests; O(everything).
  std::string check() const;

 private:
  struct Candidates;

  template <class Visit>
  Pos walk(const PrefixKey& key, std::span<const Token> tokens, const Visit& visit) const;
  struct Parting;
  Parting parting(const PrefixKey& key, std::span<const Token> tokens) const;
  static void thin_others(const Parting& parting, std::size_t n_shared, CapturePlan& plan);
  RetentionFacts facts_of(const PrefixNode& node, Pos n_before) const;
  Candidates candidates(std::optional<Tier> tier) const;
  std::vector<EvictedState> choose(const EvictRequest& request) const;

  PrefixNode& reach(const PrefixKey& key, std::span<const Token> tokens, bool ends_there);
  PrefixNode* find(EntryId id) const;
  Status check_new(std::span<const Token> tokens, const PrefixEntry& entry) const;
  std::optional<EntryId> put(PrefixNode& node, const PrefixEntry& entry);
  void drop(PrefixNode& node, bool is_evicted);
  void trim_paths(std::uint64_t n_bytes_kept);
  std::uint64_t& tier_bytes(Tier tier) { return n_tier_bytes_[static_cast<std::size_t>(tier)]; }

  RetentionPolicy policy_;
  PrefixNodes nodes_;
  std::unordered_map<EntryId, PrefixNode*> entries_;
  std::array<std::uint64_t, kNTiers> n_tier_bytes_{};
  ReuseCounts reuse_;
  std::uint64_t clock_ = 0;  // prompts so far
};

// Calls visit(node, how many of its edge's tokens match) from the top; how many match in all.
template <class Visit>
Pos PrefixTree::walk(const PrefixKey& key, std::span<const Token> tokens,
                     const Visit& visit) const {
  Pos n_known = 0;
  const PrefixNode* at = nodes_.root(key);
  while (at && !tokens.empty()) {
    PrefixNode* const next = nodes_.child(*at, tokens.front());
    if (!next) break;
    const std::size_t n = n_common(next->edge, tokens);
    visit(*next, n);
    n_known += static_cast<Pos>(n);
    if (n < next->edge.size()) break;
    tokens = tokens.subspan(n);
    at = next;
  }
  return n_known;
}

}  // namespace eddy
