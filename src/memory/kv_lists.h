// KvLists: the pages of a group of attention layers as numbers: which are free, how many cells name
// each of the others, and each cell's list of them.
//
// A list is a range of page indices: entry i stands for positions (first_page + i) * kKvPage and
// on. Cells may name the same page. What pages contain is not known here.
//
// All storage is made by create(); the part of it that no list has grown into costs no memory. A
// list is one span, which stays where it is for as long as its cell has it. Preconditions are the
// caller's: there is a free page, and a list has at most n_list_max.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/table.h"
#include "eddy/result.h"
#include "eddy/types.h"
#include "tensor/buffer.h"

namespace eddy {

class KvLists {
 public:
  struct Sizes {
    std::uint32_t n_pages = 0;
    std::uint32_t n_cells = 0;
    std::uint32_t n_list_max = 0;  // most pages in one list
  };
  // All pages free, all lists empty. kOutOfMemory; may throw std::bad_alloc.
  static Result<KvLists> create(const Sizes& sizes);

  std::uint32_t n_pages() const { return static_cast<std::uint32_t>(n_holders_.size()); }
  std::uint32_t n_free() const { return static_cast<std::uint32_t>(free_.size()); }
  std::uint32_t n_list_max() const { return n_list_max_; }

  // Cells that name the page.
  std::uint32_t n_holders(std::int32_t page) const { return n_holders_[index(page)]; }

  std::int32_t first_page(CellId cell) const { return lists_[cell].first; }
  std::int32_t end_page(CellId cell) const { return lists_[cell].first + lists_[cell].n; }
  std::span<const std::int32_t> pages(CellId cell) const {
    return {ids(cell), static_cast<std::size_t>(lists_[cell].n)};
  }
  std::span<const std::int32_t> free_pages() const { return free_; }

  // The free page that append() or renew_last() will take.
  std::int32_t next_free() const { return free_.back(); }

  // Begins a cell's list, which is empty, at a page index.
  void begin(CellId cell, std::int32_t first_page);

  // Gives dst, whose list is empty, the first n pages of the list of src. O(n).
  void share(CellId src, CellId dst, std::int32_t n);

  // Gives dst, whose list is empty, all of src's, and src none. O(n).
  void move(CellId src, CellId dst);

  // Takes a free page to the end of the list.
  void append(CellId cell);

  // Takes a free page in place of the list's last, which other cells name too.
  void renew_last(CellId cell);

  // Gives up the first or the last n pages of a list; on_free(page) for each that is free now.
  // drop_front() is O(length of the list).
  template <class F>
  void drop_front(CellId cell, std::int32_t n, const F& on_free);
  template <class F>
  void drop_back(CellId cell, std::int32_t n, const F& on_free);

  // Verifies that every page is free, or named by as many lists as it counts.
  Status check() const;

 private:
  struct List {
    std::int32_t first = 0;
    std::int32_t n = 0;
  };

  static std::size_t index(std::int32_t page) { return static_cast<std::size_t>(page); }
  std::int32_t* ids(CellId cell) const {
    return reinterpret_cast<std::int32_t*>(ids_->host()) + index(cell.value) * n_list_max_;
  }
  std::int32_t take();
  template <class F>
  void let_go(std::int32_t page, const F& on_free);

  std::uint32_t n_list_max_ = 0;
  std::vector<std::uint32_t> n_holders_;  // by page
  std::vector<std::int32_t> free_;        // a stack
  Table<CellId, List> lists_;
  std::unique_ptr<Buffer> ids_;  // host memory: n_list_max_ numbers for each cell
};

template <class F>
void KvLists::let_go(std::int32_t page, const F& on_free) {
  assert(n_holders(page) > 0);
  if (--n_holders_[index(page)] > 0) return;
  free_.push_back(page);
  on_free(page);
}

template <class F>
void KvLists::drop_front(CellId cell, std::int32_t n, const F& on_free) {
  if (n <= 0) return;
  List& list = lists_[cell];
  assert(n <= list.n);
  std::int32_t* const at = ids(cell);
  for (std::int32_t i = 0; i < n; ++i) let_go(at[i], on_free);
  for (std::int32_t i = n; i < list.n; ++i) at[i - n] = at[i];
  list.first += n;
  list.n -= n;
}

template <class F>
void KvLists::drop_back(CellId cell, std::int32_t n, const F& on_free) {
  List& list = lists_[cell];
  assert(n <= list.n);
  for (std::int32_t i = 0; i < n; ++i) let_go(ids(cell)[--list.n], on_free);
}

}  // namespace eddy
