// Pinned states: those that session checkpoints hold, wherever they are.
//
// A state is pinned in its cell. When the memory needs the cell, its bytes go to host memory; where
// that ends, the state is lost. Whoever pins the same cell shares the state, in either place.
// Those bytes count against the prefix cache's budget: its states give way to what people hold.
//
// Threading: the engine's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "eddy/result.h"
#include "memory/recurrent_memory.h"

namespace eddy {

// A state that never changes.
struct PinnedState {
  PinnedState(Checkpoint in, std::shared_ptr<std::uint64_t> n_bytes_of_all)
      : cell(std::move(in)), n_bytes(std::move(n_bytes_of_all)) {}
  ~PinnedState() { *n_bytes -= bytes.size(); }
  PinnedState(const PinnedState&) = delete;
  PinnedState& operator=(const PinnedState&) = delete;

  Checkpoint cell;
  std::vector<std::byte> bytes = {};       // once it is not kept there; empty: it is lost
  std::shared_ptr<std::uint64_t> n_bytes;  // of all
};

// The pinned states in cells, by cell.
class PinnedStates {
 public:
  // Pins the sequence's state, which has seen a token or more. The errors of checkpoint().
  Result<std::shared_ptr<const PinnedState>> pin(RecurrentMemory& memory, SeqId seq);

  // The memory needed the cell.
  void note_evicted(const EvictedCheckpoint& evicted) noexcept;

  std::uint64_t n_bytes() const { return *n_bytes_; }  // in host memory

 private:
  std::unordered_map<CellId, std::weak_ptr<PinnedState>> in_cells_;
  std::shared_ptr<std::uint64_t> n_bytes_ = std::make_shared<std::uint64_t>(0);
};

}  // namespace eddy
