// KvRoom: how many pages would be free if some cells gave up theirs. Changes nothing.
//
// Cells may share pages: each frees what no other is left to name, so what two free together can be
// more than what each frees alone. All storage is made at construction.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/kv_memory.h"

namespace eddy {

class KvRoom {
 public:
  // `kv` outlives the room.
  explicit KvRoom(const KvMemory& kv);

  // As it is. O(pages).
  void begin();

  // As if the cell gave up its pages, and as if it had not. O(its pages).
  void release(CellId cell);
  void restore(CellId cell);

  // By group.
  bool lacks(std::size_t group, std::uint64_t n_pages) const {
    return n_pages > groups_[group].n_free;
  }
  bool fits(std::span<const std::uint64_t> n_pages) const;

 private:
  struct Group {
    std::uint64_t n_free = 0;
    std::vector<std::uint32_t> n_holders;  // by page
  };
  const KvMemory& kv_;
  std::vector<Group> groups_;
};

}  // namespace eddy
