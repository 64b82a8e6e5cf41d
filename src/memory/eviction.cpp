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

Evictor::Evictor(std::uint32_t mem_size) {
  candidates_.reserve(mem_size);
  chosen_.reserve(mem_size);
}

bool Evictor::choose(const Ledger& ledger, SlotPlanner& planner, const MayPark& may_park) {
  chosen_.clear();
  std::uint32_t n_needed = planner.n_needed();
  std::uint32_t n_available = ledger.n_free();
  if (n_needed <= n_available) return true;
  collect(ledger, planner, may_park != nullptr);
  // Each victim saves the plan one cell at most.
  if (n_needed - n_available > candidates_.size()) return false;

  std::sort(candidates_.begin(), candidates_.end(), is_evicted_before);
  for (const Victim& victim : candidates_) {
    if (n_needed <= n_available) break;
    if (planner.uses(victim.cell)) {
      planner.set_unpinned(victim.cell, true);
      const std::uint32_t n_needed_now = planner.n_needed();
      if (n_needed_now < n_needed) chosen_.push_back(victim);
      planner.set_unpinned(victim.cell, n_needed_now < n_needed);
      n_needed = n_needed_now;
    } else if (!victim.is_parked || may_park(victim.cell)) {
      chosen_.push_back(victim);
      ++n_available;
    }
  }
  for (const Victim& victim : chosen_) planner.set_unpinned(victim.cell, false);
  return n_needed <= n_available;
}

void Evictor::collect(const Ledger& ledger, const SlotPlanner& planner, bool may_park) {
  candidates_.clear();
  for (std::uint32_t i = 0; i < ledger.mem_size(); ++i) {
    const CellId id(static_cast<std::int32_t>(i));
    const Cell& cell = ledger[id];
    if (cell.use != CellUse::kHeld) continue;
    const bool has_live = cell.n_sharers > 0 && !planner.uses(id);
    if (has_live ? !may_park : cell.n_pins == 0) continue;
    candidates_.push_back({id, has_live, cell.worth, cell.last_used});
  }
}

}  // namespace eddy
