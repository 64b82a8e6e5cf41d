// PrefixCache: stored states by the tokens that led to them, so that what was read once is not read
// again. Where states are kept and which go is memory/prefix_tree.h's; the bytes are here.
//
// A state is kept in host memory as the bytes of RecurrentMemory::state_write, packed by a codec,
// counted against one budget together with what the tree owns. Unless the codec rounds, nothing
// depends on the cache but time: what cannot be stored or restored is computed.
//
// Threading: the engine's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "eddy/engine.h"
#include "eddy/types.h"
#include "memory/prefix_tree.h"
#include "memory/recurrent_memory.h"

namespace eddy {

class PrefixCache {
 public:
  // `memory` outlives the cache.
  PrefixCache(RecurrentMemory& memory, std::uint64_t n_bytes_max, StateCodec codec)
      : memory_(memory), n_bytes_max_(n_bytes_max), codec_(codec) {}

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

  // These tokens were read. If all that the last plan() asked for was stored, the states go that
  // made room for it.
  void finish(const PrefixKey& key, std::span<const Token> tokens, bool is_whole);

  CacheStats stats() const;

 private:
  Status read(std::span<const std::byte> stored, SeqId seq);
  void erase(EntryId id);
  void shrink();

  RecurrentMemory& memory_;
  std::uint64_t n_bytes_max_;
  StateCodec codec_;
  PrefixTree tree_;
  std::unordered_map<EntryId, std::vector<std::byte>> states_;
  std::vector<EntryId> drops_;
  std::int32_t next_id_ = 0;
  CacheStats stats_;
};

}  // namespace eddy
