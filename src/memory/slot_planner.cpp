#include "memory/slot_planner.h"

#include <algorithm>
#include <cassert>

namespace eddy {

SlotPlanner::SlotPlanner(const Ledger& ledger)
    : ledger_(ledger), seqs_(ledger.n_seq_max()), cells_(ledger.mem_size()) {
  uses_.reserve(ledger.n_seq_max());
}

void SlotPlanner::begin(std::uint32_t n_cells) {
  n_cells_ = n_cells;
  ++plan_;
  uses_.clear();
}

bool SlotPlanner::add(SeqId seq, std::uint64_t ubatch) {
  SeqMark& mark = seqs_[seq];
  const bool is_first = mark.plan != plan_;
  if (!is_first && mark.ubatch == ubatch) return false;
  mark = {.plan = plan_, .ubatch = ubatch};
  if (!is_first) return true;
  uses_.push_back({.seq = seq, .ubatch = ubatch});
  const Sequence& s = ledger_[seq];
  if (s.status == SeqStatus::kLive) cells_[s.tail] = {.plan = plan_};
  return true;
}

std::uint32_t SlotPlanner::n_needed() {
  for (const FirstUse& use : uses_) {
    if (CellMark* mark = tail_mark(use.seq)) mark->n_left = mark->n_leaving = 0;
  }
  std::uint32_t n_taken = 0;
  std::uint32_t n_most = 0;
  for (std::size_t first = 0; first < uses_.size();) {
    std::size_t last = first;
    for (; last < uses_.size() && uses_[last].ubatch == uses_[first].ubatch; ++last) {
      if (!needs_cell(uses_[last].seq)) continue;
      ++n_taken;
      if (CellMark* mark = tail_mark(uses_[last].seq)) ++mark->n_leaving;
    }
    n_most = std::max(n_most, n_taken);
    n_taken -= settle(first, last);
    first = last;
  }
  return n_cells_ + n_most;
}

// Holders that the sequence's tail will have when its micro-batch is placed.
bool SlotPlanner::needs_cell(SeqId seq) const {
  const Sequence& s = ledger_[seq];
  if (s.status != SeqStatus::kLive) return true;
  return n_holders(s.tail) != 1;
}

std::uint32_t SlotPlanner::n_holders(CellId cell) const {
  const CellMark& mark = cells_[cell];
  const std::uint32_t n_pins = mark.is_unpinned ? 0 : ledger_[cell].n_pins;
  return ledger_[cell].n_sharers - mark.n_left + n_pins;
}

// Publishes the micro-batch of uses first .. last - 1; returns how many cells that frees.
std::uint32_t SlotPlanner::settle(std::size_t first, std::size_t last) {
  std::uint32_t n_freed = 0;
  for (std::size_t i = first; i < last; ++i) {
    CellMark* mark = tail_mark(uses_[i].seq);
    if (!mark || mark->n_leaving == 0) continue;
    mark->n_left += mark->n_leaving;
    mark->n_leaving = 0;
    if (n_holders(ledger_[uses_[i].seq].tail) == 0) ++n_freed;
  }
  return n_freed;
}

SlotPlanner::CellMark* SlotPlanner::tail_mark(SeqId seq) {
  const Sequence& s = ledger_[seq];
  return s.status == SeqStatus::kLive ? &cells_[s.tail] : nullptr;
}

}  // namespace eddy
