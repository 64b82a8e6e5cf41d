// The table of cells: which are free, and how many hold each of the others.
//
// A cell is free (on the free list), staged (a micro-batch is being computed into it) or held (it
// is the tail of sequences, pinned by checkpoints, or an anchor of other cells). One that is an
// anchor and nothing else is idle: its state may be had no more when the cell is needed. What a
// cell's rows contain is not known here, nor are positions: those belong to sequences and
// checkpoints.
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
  std::uint32_t n_sharers = 0;          // sequences whose tail this is
  std::uint32_t n_pins = 0;             // checkpoint handles
  std::uint32_t n_anchored = 0;         // cells that name it as an anchor
  std::uint32_t anchor_generation = 0;  // grows when it is forgotten as one: old anchors differ
  bool is_source = false;               // an anchor from which a state is being made
  bool is_idle = false;                 // an anchor and nothing else: on the list of those
  std::uint32_t generation = 0;         // grows when the cell is taken
  std::uint32_t pin_generation = 0;  // grows when its checkpoints are evicted: old handles differ
  SeqId first_sharer;                // head of the list through Sequence::next_sharer
  CellId next_free;                  // the free list
  CellId next_idle;                  // the list of idle cells, the one that was idle first in front
  CellId prev_idle;
  Pos n_pinned_tokens = 0;      // that led to the state of its checkpoints
  double worth = 0;             // of its checkpoints: the lowest is evicted first
  std::uint64_t last_used = 0;  // tick of the last use: breaks ties of worth, orders idle states

  std::uint32_t n_holders() const { return n_sharers + n_pins + (is_source ? 1u : 0u); }
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

  std::uint32_t n_idle() const { return n_idle_; }
  CellId first_idle() const { return first_idle_; }

  // Adds a cell to the end of the list of idle ones, or takes it out. O(1).
  void add_idle(CellId id);
  void remove_idle(CellId id);

  // Puts a cell that nobody holds back on the free list. O(1).
  void give_back(CellId id);

 private:
  Table<CellId, Cell> table_;
  CellId first_free_;
  std::uint32_t n_free_ = 0;
  CellId first_idle_;
  CellId last_idle_;
  std::uint32_t n_idle_ = 0;
};

}  // namespace eddy
