#include "memory/kv_room.h"

namespace eddy {

KvRoom::KvRoom(const KvMemory& kv) : kv_(kv), groups_(kv.n_groups()) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    groups_[g].n_holders.resize(kv.lists(g).n_pages());
  }
}

void KvRoom::begin() {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const KvLists& lists = kv_.lists(g);
    groups_[g].n_free = lists.n_free();
    for (std::size_t page = 0; page < groups_[g].n_holders.size(); ++page) {
      groups_[g].n_holders[page] = lists.n_holders(static_cast<std::int32_t>(page));
    }
  }
}

void KvRoom::release(CellId cell) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (const std::int32_t page : kv_.lists(g).pages(cell)) {
      if (--groups_[g].n_holders[static_cast<std::size_t>(page)] == 0) ++groups_[g].n_free;
    }
  }
}

void KvRoom::restore(CellId cell) {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (const std::int32_t page : kv_.lists(g).pages(cell)) {
      if (groups_[g].n_holders[static_cast<std::size_t>(page)]++ == 0) --groups_[g].n_free;
    }
  }
}

bool KvRoom::fits(std::span<const std::uint64_t> n_pages) const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (lacks(g, n_pages[g])) return false;
  }
  return true;
}

}  // namespace eddy
