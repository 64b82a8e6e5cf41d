// SlotPlanner: how many free cells and pages a batch will need. Changes nothing.
//
// Over a batch a sequence needs at most one fresh cell, in the first micro-batch it appears in:
// from there on its tail is private. A sequence that shares its tail needs none if the others have
// moved away by then, and a cell that all have left is free for the micro-batches that follow. The
// planner follows these moves through the first appearances alone, so a plan is O(sequences in the
// batch) however long their parts are. Cells are counted exactly; for pages see memory/kv_needs.h.
//
// All storage is made at construction. Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <vector>

#include "base/table.h"
#include "eddy/types.h"
#include "memory/kv_needs.h"
#include "memory/ledger.h"
#include "memory/slot_needs.h"

namespace eddy {

class SlotPlanner {
 public:
  // `ledger` outlives the planner.
  explicit SlotPlanner(const Ledger& ledger);

  void begin();

  // A part of a sequence begins in micro-batch number `ubatch`; parts come in order. False if the
  // sequence stands there already (a repeated id).
  struct Part {
    SeqId seq;
    std::uint32_t n_tokens_max = 0;  // in one micro-batch
    std::uint64_t ubatch = 0;
    std::uint64_t n_tokens = 0;
  };
  bool add(const Part& part);

  // A state of n_tokens will take a fresh cell.
  void add_state(Pos n_tokens);

  // A state of n_tokens will take the place of what the sequence has.
  void replace(SeqId seq, Pos n_tokens);

  // The most that must be free, at the start, for all micro-batches to be placed in order. Valid
  // until the next call.
  SlotNeeds needed();

  bool uses(SeqId seq) const { return seqs_[seq].plan == plan_; }
  // Whether the cell is the tail of a sequence of the plan.
  bool uses(CellId cell) const { return cells_[cell].plan == plan_; }

  // Whether the tail of a sequence of the plan is also that of one that is not.
  bool is_shared_with_idle(CellId cell) const {
    return ledger_[cell].n_sharers > cells_[cell].n_uses;
  }

  // What the tail of a sequence of the plan loses before the plan is carried out.
  enum class Loss : std::uint8_t {
    kNothing,
    kCheckpoints,
    kAllElse,  // its checkpoints, and the sequences that are not in the plan
  };
  void set_loss(CellId cell, Loss loss) { cells_[cell].loss = loss; }

 private:
  // Where a sequence stands first, and what all of its parts need.
  struct Use {
    Part part;
    bool is_replaced = false;  // by a state of part.n_tokens
  };
  struct SeqMark {
    std::uint64_t plan = 0;    // the last plan that used the sequence
    std::uint64_t ubatch = 0;  // the last one it stood in
    std::size_t use = 0;       // index into uses_
  };
  struct CellMark {
    std::uint64_t plan = 0;    // the last plan that used the cell as a tail
    std::uint32_t n_uses = 0;  // sequences of the plan whose tail it is
    Loss loss = Loss::kNothing;
    std::uint32_t n_left = 0;     // sharers that moved away in earlier micro-batches
    std::uint32_t n_leaving = 0;  // and in the current one
  };

  void add_pages(const Use& use, bool is_in_place);
  bool needs_cell(SeqId seq) const;
  std::uint32_t n_holders(CellId cell) const;
  CellMark* tail_mark(SeqId seq);  // nullptr: the sequence has no tail
  std::uint32_t settle(std::size_t first, std::size_t last);

  const Ledger& ledger_;
  std::uint32_t n_states_ = 0;
  KvNeeds state_pages_;     // of the states that are added
  KvNeeds pages_;           // of all
  std::uint64_t plan_ = 0;  // number of the current plan: marks of older ones do not count
  std::vector<Use> uses_;
  Table<SeqId, SeqMark> seqs_;
  Table<CellId, CellMark> cells_;
};

}  // namespace eddy
