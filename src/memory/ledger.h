// Ledger: who holds which cell. The table of cells and the table of sequences, and every change
// that touches both, so that no other code can bring them apart.
//
// A cell that its last holder gives up is wiped, by writing zeros, gives its pages of keys and
// values back, and becomes free at once. Nothing here fails: callers check before they change. All
// calls are O(1) but for that (one row of zeros per tensor, and its pages), extend() and check().
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>

#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/cells.h"
#include "memory/kv_memory.h"
#include "memory/sequences.h"
#include "memory/slot.h"
#include "memory/slot_needs.h"
#include "memory/state_tensors.h"

namespace eddy {

class Ledger {
 public:
  // `tensors` and `kv` outlive the ledger.
  Ledger(std::uint32_t mem_size, std::uint32_t n_seq_max, StateTensors& tensors, KvMemory& kv);

  std::uint32_t mem_size() const { return cells_.size(); }
  std::uint32_t n_seq_max() const { return static_cast<std::uint32_t>(sequences_.size()); }
  std::uint32_t n_free() const { return cells_.n_free(); }
  bool contains(SeqId seq) const { return sequences_.contains(seq); }

  const Sequence& operator[](SeqId seq) const { return sequences_[seq]; }
  const Cell& operator[](CellId cell) const { return cells_[cell]; }
  const KvMemory& kv() const { return kv_; }

  // Whether that much is free. O(groups of attention layers).
  bool has_room(const SlotNeeds& needs) const;

  // Whether a sequence is the only holder of its tail, and may be updated in place.
  bool is_private(SeqId seq) const;

  // Takes a free cell for a state to come. Precondition: n_free() > 0.
  CellId stage() { return cells_.take(); }

  // Gives dst pages for n_tokens more than src has, as KvMemory::extend().
  void extend(CellId src, CellId dst, std::int32_t n_tokens) {
    if (kv_.has_groups()) kv_.extend(src, dst, n_tokens);
  }

  // Wipes and frees a staged cell that came to nothing.
  void unstage(CellId cell);

  // Makes a staged or held cell the tail of a sequence that now counts n_tokens; gives up the
  // old tail. With the tail it has already, only counts. Pages that no window shows any more are
  // given back.
  void set_tail(SeqId seq, CellId cell, Pos n_tokens);

  // Takes the sequence's state away, if it has one. `status` is what it becomes, never kLive.
  void drop(SeqId seq, SeqStatus status);

  // Adds a checkpoint to a held cell, or takes one from it.
  void pin(CellId cell, double worth);
  void unpin(CellId cell);
  void unpin_all(CellId cell);  // eviction: old handles know it by the generation
  void set_worth(CellId cell, double worth) { cells_[cell].worth = worth; }

  // Whether a handle to this cell with this generation is still good.
  bool is_pinned(CellId cell, std::uint32_t pin_generation) const;

  // Verifies I1 .. I5 of RecurrentMemory, given the slot of the open context, and that cells and
  // sequences count the same tokens (I7).
  Status check(std::span<const SlotEntry> slot) const;

  // Verifies I2 .. I4 for one sequence and its tail, without walking the list of sharers. O(1).
  bool is_sound(SeqId seq) const;

 private:
  void link(SeqId seq, CellId cell);
  void unlink(SeqId seq);
  void release_if_unheld(CellId cell);

  StateTensors& tensors_;
  KvMemory& kv_;
  Cells cells_;
  Sequences sequences_;
  std::uint64_t tick_ = 0;
};

}  // namespace eddy
