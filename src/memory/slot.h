// Slot: the cells that a micro-batch reads and writes, one entry for each of its parts.
#pragma once

#include <vector>

#include "eddy/types.h"

namespace eddy {

// A sequence's cells: src == dst is an update in place, otherwise dst is a staged cell and the
// kernel's own write is the copy.
struct SlotEntry {
  SeqId seq;
  CellId src;  // CellId(): zeros, the sequence is new
  CellId dst;
  std::int32_t n_tokens = 0;

  bool is_in_place() const { return src == dst; }
};

using Slot = std::vector<SlotEntry>;

}  // namespace eddy
