// StagedSlot: the slot of the micro-batch that is being computed, from its placement until it is
// published or taken back.
//
// While it is staged, fresh cells belong to nobody and no sequence has moved. Nothing here fails or
// allocates: the plan has been made, and the storage with the memory.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "memory/batch.h"
#include "memory/ledger.h"
#include "memory/slot.h"
#include "tensor/tensor.h"

namespace eddy {

class StagedSlot {
 public:
  explicit StagedSlot(std::uint32_t n_seq_max);

  bool is_staged() const { return is_staged_; }
  const Slot& slot() const { return slot_; }
  std::span<const Lane> lanes() const { return lanes_; }

  // Chooses the cells of a planned micro-batch: a private tail stays in place, any other part gets
  // a fresh cell. Precondition: nothing is staged, and the ledger has the cells free.
  void place(const UBatch& ubatch, Ledger& ledger) noexcept;

  // Moves the sequences on to what has been computed.
  void publish(Ledger& ledger) noexcept;

  // Wipes and frees the fresh cells, and drops the states that were updated in place as lost.
  void take_back(Ledger& ledger) noexcept;

  // The lanes of a worst case for planning (from zeros, into row i). Nothing is staged.
  void show(const UBatch& worst_case) noexcept;

  // Forgets slot and lanes.
  void reset() noexcept;

 private:
  bool is_staged_ = false;
  Slot slot_;                // by lane
  std::vector<Lane> lanes_;  // the same, as kernels see it
};

}  // namespace eddy
