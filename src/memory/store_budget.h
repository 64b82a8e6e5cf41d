// Which states leave a store so that a new one fits its budget.
//
// Threading: a pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "eddy/result.h"
#include "memory/state_store.h"

namespace eddy {

// A store's room, in bytes. Each kept content costs its bytes and a fixed overhead, once.
struct StoreBudget {
  std::uint64_t n_bytes = kNoBudget;
  std::uint64_t n_overhead = 0;
};

// What `entries` own, each content once.
std::uint64_t n_owned_bytes(const std::vector<StateEntry>& entries, std::uint64_t n_overhead);

// The entries that go when `incoming` comes: those not used for longest, none that is pinned and
// none whose going frees nothing. `incoming` replaces the entry of its name. kFull: not even all of
// them make room.
Result<std::vector<StateEntry>> choose_victims(std::vector<StateEntry> entries,
                                               const StateEntry& incoming,
                                               const StoreBudget& budget);

// The entries that go so that the others fit, as far as that is possible.
std::vector<StateEntry> oldest_over(std::vector<StateEntry> entries, const StoreBudget& budget);

}  // namespace eddy
