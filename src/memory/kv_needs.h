// KvNeeds: how many pages must be free for a plan. Changes nothing.
//
// Exact where no window is: a sequence needs the pages that its tokens begin, and one more for the
// copy of a page that it cannot write. In windowed groups pages come back while a long part is
// computed, so a sequence never needs more than its window spans; what is counted as coming back is
// what the sequence alone has when the plan is made. Two things are not counted, so that a plan may
// ask for a little more than it would use, and never for less: pages that become free because all
// who share a state have moved on within the batch, and that one part's peak may come after
// another's. A group that is_ample() needs nothing: it cannot run out.
//
// All storage is made at construction. Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/kv_memory.h"

namespace eddy {

// A sequence's part in a batch.
struct KvGrowth {
  CellId cell;                     // its tail; CellId(): none
  std::uint64_t n_tokens = 0;      // in all micro-batches
  std::uint64_t n_tokens_max = 0;  // in one
  bool is_in_place = false;
  bool is_alone = false;  // nobody else holds the cell from the beginning of the plan
};

class KvNeeds {
 public:
  // `kv` outlives the needs.
  explicit KvNeeds(const KvMemory& kv) : kv_(kv), n_pages_(kv.n_groups()) {}

  void begin();
  void begin(const KvNeeds& other);  // with what another needs

  // O(groups); for a windowed group that is not ample, O(window) where a page is begun.
  void add(const KvGrowth& growth);

  // A state of n_tokens is installed; the pages that `replaced` alone has (CellId(): nothing) are
  // given up for it.
  void add_state(Pos n_tokens, CellId replaced);

  // By group, the pages that must be free.
  std::span<const std::uint64_t> n_pages() const { return n_pages_; }

 private:
  std::uint64_t of_growth(std::size_t group, const KvGrowth& growth) const;
  std::uint64_t n_own(std::size_t group, CellId cell) const;

  const KvMemory& kv_;
  std::vector<std::uint64_t> n_pages_;
};

}  // namespace eddy
