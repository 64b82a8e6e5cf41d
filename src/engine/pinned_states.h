// Pinned states: those that session checkpoints hold, wherever they are.
//
// A state is pinned in its cell. When the memory needs the cell, its bytes go to host memory; where
// that ends, the state is lost. Whoever pins the same cell shares the state, in either place.
//
// Threading: the engine's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

#include "eddy/result.h"
#include "memory/recurrent_memory.h"

namespace eddy {

// A state that never changes.
struct PinnedState {
  Checkpoint cell;
  std::vector<std::byte> bytes = {};  // once it is not kept there; empty: it is lost
};

// The pinned states in cells, by cell.
class PinnedStates {
 public:
  // Pins the sequence's state, which has seen a token or more. The errors of checkpoint().
  Result<std::shared_ptr<const PinnedState>> pin(RecurrentMemory& memory, SeqId seq);

  // The memory needed the cell.
  void note_evicted(const EvictedCheckpoint& evicted) noexcept;

 private:
  std::unordered_map<CellId, std::weak_ptr<PinnedState>> in_cells_;
};

}  // namespace eddy
