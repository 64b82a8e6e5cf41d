// The table of cells: which are free, and how many hold each of the others.
//
// A cell is free (on the free list), staged (a micro-batch is being computed into it) or held (it
// is the tail of sequences, or pinned by checkpoints, or both). What a cell's rows contain is not
// known here, nor are positions: those belong to sequences and checkpoints.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>

#include "base/table.h"
#include "eddy/types.h"

namespace eddy {

enum class CellUse : std::uint8_t { kFree, kStaged, kHeld };

struct Cell {
  CellUse use = CellUse::kFree;
  std::uint32_t n_sharers = 0;       // sequences whose tail this is
  std::uint32_t n_pins = 0;          // checkpoint handles
  std::uint32_t generation = 0;      // grows when the cell is taken
  std::uint32_t pin_generation = 0;  // grows when its checkpoints are evicted: old handles differ
  SeqId first_sharer;                // head of the list through Sequence::next_sharer
  CellId next_free;                  // the free list
  double worth = 0;                  // of its checkpoints: the lowest is evicted first
  std::uint64_t last_used = 0;  // tick of the last use: breaks ties of worth, orders idle states

  std::uint32_t n_holders() const { return n_sharers + n_pins; }
};

class Cells {
 public:
  explicit Cells(std::uint32_t mem_size);

  std::uint32_t size() const { return static_cast<std::uint32_t>(table_.size()); }
  std::uint32_t n_free() const { return n_free_; }
  CellId first_free() const { return first_free_; }

  Cell& operator[](CellId id) { return table_[id]; }
  const Cell& operator[](CellId id) const { return table_[id]; }
  bool contains(CellId id) const { return table_.contains(id); }

  // Takes a free cell and stages it, with a new generation. There must be one. O(1).
  CellId take();

  // Puts a cell that nobody holds back on the free list. O(1).
  void give_back(CellId id);

 private:
  Table<CellId, Cell> table_;
  CellId first_free_;
  std::uint32_t n_free_ = 0;
};

}  // namespace eddy
