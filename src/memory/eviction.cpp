#include "memory/eviction.h"

#include <algorithm>
#include <tuple>

namespace eddy {

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
      if (unpinning_helps(victim.cell, planner)) chosen_.push_back(victim);
    } else if (!victim.is_parked || may_park(victim.cell)) {
      chosen_.push_back(victim);
      release(victim.cell);
    }
  }
  if (fits()) spare(planner);
  for (const Victim& victim : candidates_) planner.set_unpinned(victim.cell, false);
  return fits();
}

void Evictor::collect(const SlotPlanner& planner, bool may_park) {
  candidates_.clear();
  for (std::uint32_t i = 0; i < ledger_.mem_size(); ++i) {
    const CellId id(static_cast<std::int32_t>(i));
    const Cell& cell = ledger_[id];
    if (cell.use != CellUse::kHeld || cell.is_source) continue;
    const bool has_live = cell.n_sharers > 0 && !planner.uses(id);
    if (has_live ? !may_park : cell.n_pins == 0) continue;
    candidates_.push_back({id, has_live, cell.worth, cell.last_used});
  }
}

// Whether the pages would do if all candidates went: before anybody is asked to park.
bool Evictor::all_would_fit(SlotPlanner& planner) {
  if (n_pages_needed_.empty()) return true;
  room_.begin();
  for (const Victim& victim : candidates_) {
    if (planner.uses(victim.cell)) {
      planner.set_unpinned(victim.cell, true);
    } else {
      room_.release(victim.cell);
    }
  }
  const bool would_fit = room_.fits(planner.needed().n_pages);
  for (const Victim& victim : candidates_) planner.set_unpinned(victim.cell, false);
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

// Whether the plan needs less of what lacks when a cell that it uses has no checkpoints; if so, it
// is planned like that.
bool Evictor::unpinning_helps(CellId cell, SlotPlanner& planner) {
  planner.set_unpinned(cell, true);
  const SlotNeeds now = planner.needed();
  bool helps = n_cells_needed_ > n_cells_free_ && now.n_cells < n_cells_needed_;
  for (std::size_t g = 0; g < n_pages_needed_.size(); ++g) {
    helps |= room_.lacks(g, n_pages_needed_[g]) && now.n_pages[g] < n_pages_needed_[g];
  }
  planner.set_unpinned(cell, helps);
  if (helps) set_needed(now);
  return helps;
}

// Lets stay what went in vain: a cell's pages make no room where others name them too. Those that
// would go last are the first to stay.
void Evictor::spare(SlotPlanner& planner) {
  if (n_pages_needed_.empty()) return;  // each has freed a cell that was needed
  for (std::size_t i = chosen_.size(); i-- > 0;) {
    if (!can_spare(chosen_[i].cell, planner)) continue;
    chosen_.erase(chosen_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// Whether the plan fits without a victim too; if so, it stays.
bool Evictor::can_spare(CellId cell, SlotPlanner& planner) {
  if (planner.uses(cell)) {
    planner.set_unpinned(cell, false);
    set_needed(planner.needed());
    if (fits()) return true;
    planner.set_unpinned(cell, true);
    set_needed(planner.needed());
    return false;
  }
  restore(cell);
  if (fits()) return true;
  release(cell);
  return false;
}

}  // namespace eddy
