#include "memory/cells.h"

#include <cassert>

namespace eddy {

Cells::Cells(std::uint32_t mem_size) : table_(mem_size), n_free_(mem_size) {
  for (std::size_t i = mem_size; i-- > 0;) {
    table_[table_.id_at(i)].next_free = first_free_;
    first_free_ = table_.id_at(i);
  }
}

CellId Cells::take() {
  assert(n_free_ > 0);
  const CellId id = first_free_;
  Cell& cell = table_[id];
  first_free_ = cell.next_free;
  cell.next_free = CellId();
  cell.use = CellUse::kStaged;
  ++cell.generation;
  --n_free_;
  return id;
}

void Cells::add_idle(CellId id) {
  Cell& cell = table_[id];
  assert(!cell.is_idle);
  cell.is_idle = true;
  cell.prev_idle = last_idle_;
  cell.next_idle = CellId();
  (contains(last_idle_) ? table_[last_idle_].next_idle : first_idle_) = id;
  last_idle_ = id;
  ++n_idle_;
}

void Cells::remove_idle(CellId id) {
  Cell& cell = table_[id];
  assert(cell.is_idle);
  cell.is_idle = false;
  (contains(cell.prev_idle) ? table_[cell.prev_idle].next_idle : first_idle_) = cell.next_idle;
  (contains(cell.next_idle) ? table_[cell.next_idle].prev_idle : last_idle_) = cell.prev_idle;
  --n_idle_;
}

void Cells::give_back(CellId id) {
  Cell& cell = table_[id];
  assert(cell.use != CellUse::kFree && cell.n_holders() == 0);
  assert(cell.n_anchored == 0 && !cell.is_idle);
  cell.use = CellUse::kFree;
  cell.next_free = first_free_;
  first_free_ = id;
  ++n_free_;
}

}  // namespace eddy
