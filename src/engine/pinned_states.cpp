#include "engine/pinned_states.h"

#include <limits>
#include <new>
#include <utility>

#include "base/try.h"

namespace eddy {

// Entries of states that nobody has any more go when their cell is pinned again.
Result<std::shared_ptr<const PinnedState>> PinnedStates::pin(RecurrentMemory& memory, SeqId seq) {
  constexpr double kWorth = std::numeric_limits<double>::infinity();  // the last to be evicted
  EDDY_TRY_ASSIGN(Checkpoint cell, memory.checkpoint(seq, kWorth));
  std::weak_ptr<PinnedState>& known = in_cells_[cell.cell()];
  auto state = known.lock();
  if (!state || !state->cell.is_kept()) {
    state = std::make_shared<PinnedState>(std::move(cell), n_bytes_);
    known = state;
  }
  return std::shared_ptr<const PinnedState>(std::move(state));
}

void PinnedStates::note_evicted(const EvictedCheckpoint& evicted) noexcept {
  const auto found = in_cells_.find(evicted.cell);
  if (found == in_cells_.end()) return;
  if (const auto state = found->second.lock()) {
    try {
      state->bytes.assign(evicted.state.begin(), evicted.state.end());
      *n_bytes_ += state->bytes.size();
    } catch (const std::bad_alloc&) {  // lost
    }
  }
  in_cells_.erase(found);
}

}  // namespace eddy
