// Eviction: which cells make room when none is free.
//
// Checkpoints go first, the one of least worth before the others; then idle states, the one unused
// for longest before the others, and only with their owner's leave. What a batch reads stays: of a
// cell that one of its sequences has as its tail, no more than the checkpoints may go.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/ledger.h"
#include "memory/slot_planner.h"

namespace eddy {

// A cell that could make room.
struct Victim {
  CellId cell;
  bool is_parked = false;  // sequences live there, and would be parked
  double worth = 0;        // of its checkpoints
  std::uint64_t last_used = 0;
};

// Whether a is evicted before b: a strict order, equal to none but itself.
bool is_evicted_before(const Victim& a, const Victim& b);

// Finds the victims that make a plan fit, changing nothing.
class Evictor {
 public:
  explicit Evictor(std::uint32_t mem_size);

  // May a cell's sequences be parked? Asked for one cell after another; an empty function is no.
  using MayPark = std::function<bool(CellId)>;

  // Whether the planner's plan fits when victims() are evicted; in the order of
  // is_evicted_before(), no more of them than it takes. O(mem_size log mem_size) if one must go.
  bool choose(const Ledger& ledger, SlotPlanner& planner, const MayPark& may_park);

  std::span<const Victim> victims() const { return chosen_; }

 private:
  void collect(const Ledger& ledger, const SlotPlanner& planner, bool may_park);

  std::vector<Victim> candidates_;
  std::vector<Victim> chosen_;
};

}  // namespace eddy
