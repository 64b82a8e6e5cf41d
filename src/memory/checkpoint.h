// Checkpoint: a pinned cell with its position. Its state never changes; sequences may start there.
//
// A move-only handle; destroying it gives the pin back. The memory may evict a checkpoint when a
// live sequence needs its cell: the handle then says so, and using it is an error. Must not outlive
// the memory. Threading: the thread that owns the memory.
#pragma once

#include <cstdint>

#include "eddy/types.h"

namespace eddy {

class RecurrentMemory;

class Checkpoint {
 public:
  Checkpoint(Checkpoint&& other) noexcept;
  Checkpoint& operator=(Checkpoint&& other) noexcept;
  ~Checkpoint();

  // The position of the last token that led to the state.
  Pos pos() const { return pos_; }

  // Where the state lies.
  CellId cell() const { return cell_; }

  // Whether the state is still there; false after its eviction.
  bool is_kept() const;

 private:
  friend class RecurrentMemory;
  Checkpoint(RecurrentMemory& memory, CellId cell, std::uint32_t pin_generation, Pos pos)
      : memory_(&memory), cell_(cell), pin_generation_(pin_generation), pos_(pos) {}

  RecurrentMemory* memory_;  // nullptr: moved from
  CellId cell_;
  std::uint32_t pin_generation_;  // of the cell when it was pinned
  Pos pos_;
};

}  // namespace eddy
