// Ledger: who holds which cell. The table of cells and the table of sequences, and every change
// that touches both, so that no other code can bring them apart.
//
// A cell that its last holder gives up is wiped, by writing zeros, gives its pages back, and
// becomes free at once; if it is an anchor it gives its pages back and stays, but counts as free.
// Nothing here fails: callers check before they change. All calls are O(1) but for that (one row of
// zeros per tensor, and its pages), the calls that hand pages on, and check().
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>

#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/anchors.h"
#include "memory/cells.h"
#include "memory/kv_memory.h"
#include "memory/sequences.h"
#include "memory/slot.h"
#include "memory/slot_needs.h"
#include "memory/state_tensors.h"
#include "memory/update_log.h"

namespace eddy {

class Ledger {
 public:
  // What the cells have; outlives the ledger.
  struct Rooms {
    StateTensors& tensors;
    KvMemory& kv;
    UpdateLog& log;
  };
  Ledger(std::uint32_t mem_size, std::uint32_t n_seq_max, const Rooms& rooms);

  std::uint32_t mem_size() const { return cells_.size(); }
  std::uint32_t n_seq_max() const { return static_cast<std::uint32_t>(sequences_.size()); }
  // Cells that can be staged: free ones, and anchors that nobody else holds.
  std::uint32_t n_free() const { return cells_.n_free() + cells_.n_idle(); }
  bool contains(SeqId seq) const { return sequences_.contains(seq); }

  const Sequence& operator[](SeqId seq) const { return sequences_[seq]; }
  const Cell& operator[](CellId cell) const { return cells_[cell]; }
  const KvMemory& kv() const { return kv_; }
  const UpdateLog& log() const { return log_; }

  // Whether that much is free. O(groups of attention layers).
  bool has_room(const SlotNeeds& needs) const;

  // Whether a sequence is the only holder of its tail, and may be updated in place.
  bool is_private(SeqId seq) const;

  // Takes a free cell for a state to come, or the anchor that has been idle for longest.
  // Precondition: n_free() > 0.
  CellId stage();

  // Takes the sequence's state away, as drop() with kEmpty, and takes a cell for its next one as
  // stage(): if nobody else holds it, its own, with what is still in the rows of R and S. They are
  // to be written whole.
  CellId restage(SeqId seq);

  // Gives dst pages for n_tokens more than the n_before that src has seen: of K and V as
  // KvMemory::extend(), of the log as UpdateLog::extend().
  void extend(CellId src, CellId dst, Pos n_before, std::int32_t n_tokens, Pos log_from);

  // Gives dst, which has none, all pages of src, and gives them back, cut to n_tokens.
  void lend_pages(CellId src, CellId dst);
  void give_back_pages(CellId dst, CellId src, Pos n_tokens);
  // Gives dst, which has none, the pages of the first n_tokens of src.
  void share_pages(CellId src, CellId dst, Pos n_tokens);
  // Keeps the pages of the first n_tokens.
  void truncate_pages(CellId cell, Pos n_tokens);

  // Wipes and frees a staged cell that came to nothing.
  void unstage(CellId cell);

  // Makes a staged or held cell the tail of a sequence that now counts n_tokens; gives up the
  // old tail. With the tail it has already, only counts. Pages that no window shows any more are
  // given back.
  void set_tail(SeqId seq, CellId cell, Pos n_tokens);

  // Takes the sequence's state away, if it has one. `status` is what it becomes, never kLive.
  void drop(SeqId seq, SeqStatus status);

  // Adds a checkpoint to a held cell, or takes one from it.
  void pin(CellId cell, Pos n_tokens, double worth);
  void unpin(CellId cell);
  void unpin_all(CellId cell);  // eviction: old handles know it by the generation
  void set_worth(CellId cell, double worth) { cells_[cell].worth = worth; }

  // Whether a handle to this cell with this generation is still good.
  bool is_pinned(CellId cell, std::uint32_t pin_generation) const;

  // --- Anchors: earlier states, from which a cell's log leads on ------------------------------

  // Of a cell: those that are still there and that its log reaches, by rising tokens.
  AnchorList anchors(CellId cell) const;
  // As an anchor to come. The state that a held or staged cell has after n_tokens.
  Anchor anchor_at(CellId cell, Pos n_tokens) const {
    return {.cell = cell, .generation = cells_[cell].anchor_generation, .n_tokens = n_tokens};
  }
  // Names the anchors of a cell, in place of those it had. Staged cells among them are held then.
  void set_anchors(CellId cell, const AnchorList& anchors);
  // The cell is nobody's anchor any more, so that its state may change.
  void forget_as_anchor(CellId cell);
  // Keeps an anchor while a state is made from it. CellId(): nothing.
  void hold_anchor(CellId cell);
  void let_go_anchor(CellId cell);
  // Stages an idle anchor with what is in its rows: nobody's anchor any more.
  CellId stage_anchor(CellId cell);
  bool is_anchor(CellId cell) const { return cells_[cell].n_anchored > 0; }

  // Verifies I1 .. I5 of RecurrentMemory, given the slot of the open context, and that cells and
  // sequences count the same tokens (I7).
  Status check(std::span<const SlotEntry> slot) const;

  // Verifies I2 .. I4 for one sequence and its tail, without walking the list of sharers. O(1).
  bool is_sound(SeqId seq) const;

 private:
  void link(SeqId seq, CellId cell);
  void unlink(SeqId seq);
  void release_if_unheld(CellId cell);
  void forget_past(CellId cell);
  bool is_kept(const Anchor& anchor) const;
  Status check_anchors() const;

  StateTensors& tensors_;
  KvMemory& kv_;
  UpdateLog& log_;
  Cells cells_;
  Table<CellId, AnchorList> anchors_;
  Sequences sequences_;
  std::uint64_t tick_ = 0;
};

}  // namespace eddy
