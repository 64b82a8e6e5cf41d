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

void Cells::give_back(CellId id) {
  Cell& cell = table_[id];
  assert(cell.use != CellUse::kFree && cell.n_holders() == 0);
  cell.use = CellUse::kFree;
  cell.next_free = first_free_;
  first_free_ = id;
  ++n_free_;
}

}  // namespace eddy
