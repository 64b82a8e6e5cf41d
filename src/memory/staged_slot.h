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
#include "memory/kv_memory.h"
#include "memory/ledger.h"
#include "memory/slot.h"
#include "tensor/tensor.h"

namespace eddy {

class StagedSlot {
 public:
  // For a memory with that many groups of attention layers.
  StagedSlot(std::uint32_t n_seq_max, std::size_t n_groups);

  bool is_staged() const { return is_staged_; }
  const Slot& slot() const { return slot_; }
  std::span<const Lane> lanes() const { return lanes_; }
  std::span<const KvLane> kv_lanes(std::size_t group) const { return kv_lanes_[group]; }
  std::span<const KvLane> log_lanes() const { return log_lanes_; }  // none: nothing is logged

  // Chooses the cells of a planned micro-batch: a private tail stays in place, any other part gets
  // a fresh cell. All get pages for their tokens. With an update log, and where cells are free that
  // no part needs, states on the way become anchors: a part is cut in lanes there, each of which
  // goes on from the one before. Precondition: nothing is staged, and the cells and pages are free.
  void place(const UBatch& ubatch, Ledger& ledger) noexcept;

  // Moves the sequences on to what has been computed.
  void publish(Ledger& ledger) noexcept;

  // Wipes and frees the fresh cells, and drops the states that were updated in place as lost; the
  // pages go with the cells.
  void take_back(Ledger& ledger) noexcept;

  // The lanes of a worst case for planning (from zeros, into row i; as many pages as there can be).
  // Nothing is staged.
  void show(const UBatch& worst_case, const KvMemory& kv) noexcept;

  // Forgets slot and lanes.
  void reset() noexcept;

 private:
  void place_part(const UBatchPart& part, Ledger& ledger) noexcept;
  void choose_anchors(SlotEntry& entry, bool is_private, bool wants_anchor,
                      Ledger& ledger) noexcept;
  void add_lanes(const SlotEntry& entry, std::int32_t first_token, const Ledger& ledger) noexcept;

  bool is_staged_ = false;
  std::uint32_t n_spare_ = 0;                  // cells that no part needs
  Slot slot_;                                  // by lane
  std::vector<Lane> lanes_;                    // the same, as kernels see it
  std::vector<std::vector<KvLane>> kv_lanes_;  // by group, then by lane
  std::vector<KvLane> log_lanes_;              // by lane
};

}  // namespace eddy
