// Eviction: which cells make room when too few cells or pages are free.
//
// Checkpoints go first, the one of least worth before the others; then idle states, the one unused
// for longest before the others, and only with their owner's leave. What a batch reads stays: where
// one of its sequences has its tail, the checkpoints may go, and the idle sequences that share it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/kv_room.h"
#include "memory/ledger.h"
#include "memory/slot_planner.h"

namespace eddy {

// A cell that could make room.
struct Victim {
  CellId cell;
  bool is_parked = false;  // idle sequences live there, and would be parked
  double worth = 0;        // of its checkpoints
  std::uint64_t last_used = 0;
};

// Whether a is evicted before b: a strict order, equal to none but itself.
bool is_evicted_before(const Victim& a, const Victim& b);

// Finds the victims that make a plan fit, changing nothing.
class Evictor {
 public:
  // `ledger` outlives the evictor.
  explicit Evictor(const Ledger& ledger);

  // May a cell's idle sequences be parked? Asked for one cell after another; an empty function is
  // no.
  using MayPark = std::function<bool(CellId)>;

  // Whether the planner's plan fits when victims() are evicted; in the order of
  // is_evicted_before(), no more of them than it takes: without any one of them the plan would not
  // fit. If one must go O(mem_size log mem_size), and the pages of all candidates.
  bool choose(SlotPlanner& planner, const MayPark& may_park);

  std::span<const Victim> victims() const { return chosen_; }

 private:
  void collect(const SlotPlanner& planner, bool may_park);
  bool all_would_fit(SlotPlanner& planner);
  void begin(const SlotNeeds& needs);
  void set_needed(const SlotNeeds& needs);
  bool fits() const;
  void release(CellId cell);
  void restore(CellId cell);
  bool loss_helps(const Victim& victim, SlotPlanner& planner);
  void set_loss(CellId cell, SlotPlanner::Loss loss, SlotPlanner& planner);
  void spare(SlotPlanner& planner);
  bool fits_without(const Victim& victim, SlotPlanner& planner);

  const Ledger& ledger_;
  std::vector<Victim> candidates_;
  std::vector<Victim> chosen_;

  // What the plan needs, and what is free if those chosen so far go.
  std::uint32_t n_cells_needed_ = 0;
  std::uint32_t n_cells_free_ = 0;
  KvRoom room_;
  std::vector<std::uint64_t> n_pages_needed_;  // by group
};

}  // namespace eddy
