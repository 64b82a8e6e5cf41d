// PrefixCache: stored states by the tokens that led to them, so that what was read once is not read
// again. Where states are kept and which go is memory/prefix_tree.h's; the bytes are here.
//
// The newest states stay in cells: they are stored by pinning one, and a session that starts there
// shares it. When others take their places they go to host memory as the bytes of
// RecurrentMemory::state_write, packed by a codec. Both count against one budget, together with
// what the tree owns and with the pinned states in host memory, to which the cache gives way.
// Unless the codec rounds, nothing depends on the cache but time: what cannot be stored or restored
// is computed.
//
// Threading: the engine's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "eddy/engine.h"
#include "eddy/types.h"
#include "engine/pinned_states.h"
#include "memory/prefix_tree.h"
#include "memory/recurrent_memory.h"

namespace eddy {

class PrefixCache {
 public:
  struct Limits {
    std::uint64_t n_bytes = 0;
    std::uint32_t n_cells = 0;
  };

  // `memory` and `pinned` outlive the cache.
  PrefixCache(RecurrentMemory& memory, const PinnedStates& pinned, const Limits& limits,
              StateCodec codec);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // A sequence, and what its states agree in with those that it may be given.
  struct Place {
    const PrefixKey& key;
    SeqId seq;
  };

  // Puts the deepest state that is stored for these tokens, but the last, into the sequence, if it
  // has seen more than the n_have tokens that the sequence's own has; what came of it.
  PromptReport restore(const Place& place, std::span<const Token> tokens, Pos n_have);

  // Where reading these tokens from n_start on should stop to store a state: positions, ascending.
  std::vector<Capture> plan(const PlanRequest& request);

  // Stores the state of a sequence that has seen exactly these tokens. ms_per_token: what reading
  // one took.
  void store(const Place& place, std::span<const Token> tokens, CaptureKind kind,
             std::size_t n_turns, double ms_per_token);

  // The logits that follow these tokens are stored beside the state that has seen all of them but
  // the last, if there is one.
  void store_logits(const PrefixKey& key, std::span<const Token> tokens,
                    std::span<const float> logits);

  // The logits that follow these tokens; empty: they are not stored. Valid until the next call.
  std::span<const float> logits_after(const PrefixKey& key, std::span<const Token> tokens) const;

  // These tokens were read. If all that the last plan() asked for was stored, the states go that
  // made room for it.
  void finish(const PrefixKey& key, std::span<const Token> tokens, bool is_whole);

  // These tokens were read, and no state of them was to be stored.
  void note(const PrefixKey& key, std::span<const Token> tokens);

  // The memory needed a checkpoint's cell. Where it is one of these, its state goes to host memory.
  void note_evicted(const EvictedCheckpoint& evicted);

  CacheStats stats() const;

 private:
  // A state, in a cell or as bytes; and the logits after one more token, empty: they are not known.
  struct Stored {
    std::optional<Checkpoint> cell;
    std::uint64_t n_cell_bytes = 0;
    std::vector<std::byte> state;
    Token next;
    std::vector<float> logits;

    std::uint64_t n_bytes() const {
      return n_cell_bytes + state.capacity() + logits.capacity() * sizeof(float);
    }
    Tier tier() const { return cell ? Tier::kCell : Tier::kHost; }
  };

  bool take(SeqId seq, Stored& stored);
  bool give(EntryId id, SeqId seq);
  void move_to_host(EntryId id, Result<std::vector<std::byte>> state);
  // What is packed is verified first; of what is not nobody reads them.
  Checksums checksums() const {
    return codec_ == StateCodec::kNone ? Checksums::kIgnore : Checksums::kVerify;
  }
  Result<std::vector<std::byte>> pack(Result<std::vector<std::byte>> state) const;
  void free_a_cell();

  std::optional<EntryId> before_last(const PrefixKey& key, std::span<const Token> tokens) const;
  void erase(EntryId id);
  void drop(EntryId id);
  std::uint64_t n_bytes_max() const;
  void shrink();

  RecurrentMemory& memory_;
  const PinnedStates& pinned_;
  Limits limits_;
  StateCodec codec_;
  PrefixTree tree_;
  std::unordered_map<EntryId, Stored> states_;
  std::vector<EntryId> in_cells_;  // the one unused for longest first
  std::vector<EntryId> drops_;
  std::int32_t next_id_ = 0;
  std::uint64_t n_cell_uses_ = 0;  // the worth of a checkpoint is when it was used
  CacheStats stats_;
};

}  // namespace eddy
