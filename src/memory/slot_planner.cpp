#include "memory/slot_planner.h"

#include <algorithm>
#include <cassert>

namespace eddy {

SlotPlanner::SlotPlanner(const Ledger& ledger)
    : ledger_(ledger),
      state_pages_(ledger.kv()),
      pages_(ledger.kv()),
      seqs_(ledger.n_seq_max()),
      cells_(ledger.mem_size()) {
  uses_.reserve(ledger.n_seq_max());
}

void SlotPlanner::begin() {
  n_states_ = 0;
  state_pages_.begin();
  ++plan_;
  uses_.clear();
}

bool SlotPlanner::add(const Part& part) {
  SeqMark& mark = seqs_[part.seq];
  const bool is_first = mark.plan != plan_;
  if (!is_first && mark.ubatch == part.ubatch) return false;
  if (!is_first) {
    Part& all = uses_[mark.use].part;
    all.n_tokens += part.n_tokens;
    all.n_tokens_max = std::max(all.n_tokens_max, part.n_tokens_max);
    mark.ubatch = part.ubatch;
    return true;
  }
  mark = {.plan = plan_, .ubatch = part.ubatch, .use = uses_.size()};
  uses_.push_back({.part = part});
  const Sequence& s = ledger_[part.seq];
  if (s.status != SeqStatus::kLive) return true;
  CellMark& tail = cells_[s.tail];
  if (tail.plan != plan_) tail = {.plan = plan_};
  ++tail.n_uses;
  return true;
}

void SlotPlanner::add_state(Pos n_tokens) {
  ++n_states_;
  state_pages_.add_state(n_tokens, CellId());
}

void SlotPlanner::replace(SeqId seq, Pos n_tokens) {
  add({.seq = seq, .n_tokens = static_cast<std::uint64_t>(n_tokens)});
  uses_.back().is_replaced = true;
}

SlotNeeds SlotPlanner::needed() {
  for (const Use& use : uses_) {
    if (CellMark* mark = tail_mark(use.part.seq)) mark->n_left = mark->n_leaving = 0;
  }
  pages_.begin(state_pages_);
  std::uint32_t n_taken = 0;
  std::uint32_t n_most = 0;
  for (std::size_t first = 0; first < uses_.size();) {
    std::size_t last = first;
    for (; last < uses_.size() && uses_[last].part.ubatch == uses_[first].part.ubatch; ++last) {
      const SeqId seq = uses_[last].part.seq;
      const bool is_in_place = !needs_cell(seq);
      if (ledger_.kv().has_groups()) add_pages(uses_[last], is_in_place);
      if (is_in_place) continue;
      ++n_taken;
      if (CellMark* mark = tail_mark(seq)) ++mark->n_leaving;
    }
    n_most = std::max(n_most, n_taken);
    n_taken -= settle(first, last);
    first = last;
  }
  return {.n_cells = n_states_ + n_most, .n_pages = pages_.n_pages()};
}

void SlotPlanner::add_pages(const Use& use, bool is_in_place) {
  const CellMark* const mark = tail_mark(use.part.seq);
  const CellId tail = mark ? ledger_[use.part.seq].tail : CellId();
  if (use.is_replaced) {
    pages_.add_state(static_cast<Pos>(use.part.n_tokens), is_in_place ? tail : CellId());
    return;
  }
  pages_.add({.cell = tail,
              .n_tokens = use.part.n_tokens,
              .n_tokens_max = use.part.n_tokens_max,
              .is_in_place = is_in_place,
              .is_alone = is_in_place && mark->n_left == 0});
}

// Holders that the sequence's tail will have when its micro-batch is placed.
bool SlotPlanner::needs_cell(SeqId seq) const {
  const Sequence& s = ledger_[seq];
  if (s.status != SeqStatus::kLive) return true;
  return n_holders(s.tail) != 1;
}

std::uint32_t SlotPlanner::n_holders(CellId cell) const {
  const CellMark& mark = cells_[cell];
  const std::uint32_t n_pins = mark.loss == Loss::kNothing ? ledger_[cell].n_pins : 0;
  const std::uint32_t n_seqs = mark.loss == Loss::kAllElse ? mark.n_uses : ledger_[cell].n_sharers;
  return n_seqs - mark.n_left + n_pins;
}

// Publishes the micro-batch of uses first .. last - 1; returns how many cells that frees.
std::uint32_t SlotPlanner::settle(std::size_t first, std::size_t last) {
  std::uint32_t n_freed = 0;
  for (std::size_t i = first; i < last; ++i) {
    CellMark* mark = tail_mark(uses_[i].part.seq);
    if (!mark || mark->n_leaving == 0) continue;
    mark->n_left += mark->n_leaving;
    mark->n_leaving = 0;
    if (n_holders(ledger_[uses_[i].part.seq].tail) == 0) ++n_freed;
  }
  return n_freed;
}

SlotPlanner::CellMark* SlotPlanner::tail_mark(SeqId seq) {
  const Sequence& s = ledger_[seq];
  return s.status == SeqStatus::kLive ? &cells_[s.tail] : nullptr;
}

}  // namespace eddy
