#include "memory/eviction.h"

#include <algorithm>
#include <tuple>

namespace eddy {

namespace {

using Loss = SlotPlanner::Loss;

// Of a cell that the plan uses.
Loss loss_of(const Victim& victim) {
  return victim.is_parked ? Loss::kAllElse : Loss::kCheckpoints;
}

}  // namespace

bool is_evicted_before(const Victim& a, const Victim& b) {
  // The worth of a parked cell's checkpoints does not count: its sequences' age does.
  const auto key = [](const Victim& v) {
    return std::tuple(v.is_parked, v.is_parked ? 0.0 : v.worth, v.last_used, v.cell);
  };
  return key(a) < key(b);
}

Evictor::Evictor(const Ledger& ledger)
    : ledger_(ledger), room_(ledger.kv()), n_pages_needed_(ledger.kv().n_groups()) {
  candidates_.reserve(ledger.mem_size());
  chosen_.reserve(ledger.mem_size());
}

bool Evictor::choose(SlotPlanner& planner, const MayPark& may_park) {
  chosen_.clear();
  const SlotNeeds needs = planner.needed();
  if (ledger_.has_room(needs)) return true;
  collect(planner, may_park != nullptr);
  // Each victim saves the plan one cell at most.
  if (needs.n_cells > ledger_.n_free() + candidates_.size()) return false;
  if (!all_would_fit(planner)) return false;

  std::sort(candidates_.begin(), candidates_.end(), is_evicted_before);
  begin(planner.needed());
  for (const Victim& victim : candidates_) {
    if (fits()) break;
    if (planner.uses(victim.cell)) {
      if (loss_helps(victim, planner) && (!victim.is_parked || may_park(victim.cell))) {
        chosen_.push_back(victim);
      } else {
        set_loss(victim.cell, Loss::kNothing, planner);
      }
    } else if (!victim.is_parked || may_park(victim.cell)) {
      chosen_.push_back(victim);
      release(victim.cell);
    }
  }
  if (fits()) spare(planner);
  for (const Victim& victim : candidates_) planner.set_loss(victim.cell, Loss::kNothing);
  return fits();
}

void Evictor::collect(const SlotPlanner& planner, bool may_park) {
  candidates_.clear();
  for (std::uint32_t i = 0; i < ledger_.mem_size(); ++i) {
    const CellId id(static_cast<std::int32_t>(i));
    const Cell& cell = ledger_[id];
    if (cell.use != CellUse::kHeld || cell.is_source) continue;
    const bool has_idle = planner.uses(id) ? planner.is_shared_with_idle(id) : cell.n_sharers > 0;
    if (has_idle ? !may_park : cell.n_pins == 0) continue;
    candidates_.push_back({id, has_idle, cell.worth, cell.last_used});
  }
}

// Whether the pages would do if all candidates went: before anybody is asked to park.
bool Evictor::all_would_fit(SlotPlanner& planner) {
  if (n_pages_needed_.empty()) return true;
  room_.begin();
  for (const Victim& victim : candidates_) {
    if (planner.uses(victim.cell)) {
      planner.set_loss(victim.cell, loss_of(victim));
    } else {
      room_.release(victim.cell);
    }
  }
  const bool would_fit = room_.fits(planner.needed().n_pages);
  for (const Victim& victim : candidates_) planner.set_loss(victim.cell, Loss::kNothing);
  return would_fit;
}

void Evictor::begin(const SlotNeeds& needs) {
  n_cells_free_ = ledger_.n_free();
  room_.begin();
  set_needed(needs);
}

void Evictor::set_needed(const SlotNeeds& needs) {
  n_cells_needed_ = needs.n_cells;
  n_pages_needed_.assign(needs.n_pages.begin(), needs.n_pages.end());
}

bool Evictor::fits() const {
  return n_cells_needed_ <= n_cells_free_ && room_.fits(n_pages_needed_);
}

void Evictor::release(CellId cell) {
  ++n_cells_free_;
  room_.release(cell);
}

void Evictor::restore(CellId cell) {
  --n_cells_free_;
  room_.restore(cell);
}

// Whether the plan needs less of what lacks when a cell that it uses is a victim; it is planned so.
bool Evictor::loss_helps(const Victim& victim, SlotPlanner& planner) {
  planner.set_loss(victim.cell, loss_of(victim));
  const SlotNeeds now = planner.needed();
  bool helps = n_cells_needed_ > n_cells_free_ && now.n_cells < n_cells_needed_;
  for (std::size_t g = 0; g < n_pages_needed_.size(); ++g) {
    helps |= room_.lacks(g, n_pages_needed_[g]) && now.n_pages[g] < n_pages_needed_[g];
  }
  set_needed(now);
  return helps;
}

void Evictor::set_loss(CellId cell, SlotPlanner::Loss loss, SlotPlanner& planner) {
  planner.set_loss(cell, loss);
  set_needed(planner.needed());
}

// Lets stay what went in vain: a cell's pages make no room where others name them too. Those that
// would go last are the first to stay.
void Evictor::spare(SlotPlanner& planner) {
  if (n_pages_needed_.empty()) return;  // each has freed a cell that was needed
  for (std::size_t i = chosen_.size(); i-- > 0;) {
    if (!fits_without(chosen_[i], planner)) continue;
    chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// Whether the plan fits without a victim too; if so, it stays.
bool Evictor::fits_without(const Victim& victim, SlotPlanner& planner) {
  if (planner.uses(victim.cell)) {
    set_loss(victim.cell, Loss::kNothing, planner);
    if (fits()) return true;
    set_loss(victim.cell, loss_of(victim), planner);
    return false;
  }
  restore(victim.cell);
  if (fits()) return true;
  release(victim.cell);
  return false;
}

}  // namespace eddy
