// Slot: the cells that a micro-batch reads and writes, one entry for each of its parts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/anchors.h"

namespace eddy {

// A sequence's cells: src == dst is an update in place, otherwise dst is a staged cell and the
// kernel's own write is the copy.
struct SlotEntry {
  static constexpr std::size_t kMaxCaptures = 2;

  SeqId seq;
  CellId src;  // CellId(): zeros, the sequence is new
  CellId dst;
  std::int32_t n_tokens = 0;

  // The update log's part. On the way from src to dst the state is caught in staged cells.
  bool is_moved = false;  // src was private and becomes an anchor: its pages are dst's now
  std::array<Anchor, kMaxCaptures> caught = {};
  std::size_t n_captures = 0;
  AnchorList anchors = {};  // that dst will have

  bool is_in_place() const { return src == dst; }
  std::span<const Anchor> captures() const { return {caught.data(), n_captures}; }
};

using Slot = std::vector<SlotEntry>;

}  // namespace eddy
