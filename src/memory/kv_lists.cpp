#include "memory/kv_lists.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"

namespace eddy {

Result<KvLists> KvLists::create(const Sizes& sizes) {
  KvLists lists;
  lists.n_list_max_ = sizes.n_list_max;
  const auto n_ids = checked_mul(sizes.n_cells, sizes.n_list_max);
  const auto n_bytes = n_ids ? checked_mul(*n_ids, sizeof(std::int32_t)) : std::nullopt;
  if (!n_bytes) return Error{ErrorCode::kOutOfMemory, "page lists"};
  EDDY_TRY_ASSIGN(lists.ids_, host_buffer_type().allocate(*n_bytes));
  lists.n_holders_.resize(sizes.n_pages);
  lists.lists_ = Table<CellId, List>(sizes.n_cells);
  lists.free_.resize(sizes.n_pages);
  for (std::uint32_t i = 0; i < sizes.n_pages; ++i) {
    lists.free_[i] = static_cast<std::int32_t>(sizes.n_pages - 1 - i);
  }
  return lists;
}

std::int32_t KvLists::take() {
  assert(!free_.empty());
  const std::int32_t page = free_.back();
  free_.pop_back();
  n_holders_[index(page)] = 1;
  return page;
}

void KvLists::begin(CellId cell, std::int32_t first_page) {
  assert(lists_[cell].n == 0);
  lists_[cell].first = first_page;
}

void KvLists::share(CellId src, CellId dst, std::int32_t n) {
  assert(src != dst && n <= lists_[src].n);
  begin(dst, lists_[src].first);
  std::copy_n(ids(src), n, ids(dst));
  for (std::int32_t i = 0; i < n; ++i) ++n_holders_[index(ids(dst)[i])];
  lists_[dst].n = n;
}

void KvLists::move(CellId src, CellId dst) {
  assert(src != dst && lists_[dst].n == 0);
  std::copy_n(ids(src), lists_[src].n, ids(dst));
  lists_[dst] = lists_[src];
  lists_[src] = {};
}

void KvLists::append(CellId cell) {
  List& list = lists_[cell];
  assert(static_cast<std::uint32_t>(list.n) < n_list_max_);
  ids(cell)[list.n++] = take();
}

void KvLists::renew_last(CellId cell) {
  std::int32_t& last = ids(cell)[lists_[cell].n - 1];
  assert(n_holders(last) > 1);
  --n_holders_[index(last)];
  last = take();
}

Status KvLists::check() const {
  std::vector<std::uint32_t> n_named(n_pages());
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    const CellId cell = lists_.id_at(i);
    if (pages(cell).size() > n_list_max_ || first_page(cell) < 0) {
      return fail(ErrorCode::kMalformed, "cell {}: {} pages from {}", i, pages(cell).size(),
                  first_page(cell));
    }
    for (const std::int32_t page : pages(cell)) {
      if (page < 0 || index(page) >= n_pages()) {
        return fail(ErrorCode::kMalformed, "cell {}: page {} of {}", i, page, n_pages());
      }
      ++n_named[index(page)];
    }
  }
  for (std::size_t page = 0; page < n_pages(); ++page) {
    if (n_named[page] == n_holders_[page]) continue;
    return fail(ErrorCode::kMalformed, "page {}: {} lists name it, {} are counted", page,
                n_named[page], n_holders_[page]);
  }
  for (const std::int32_t page : free_) {
    if (++n_named[index(page)] == 1) continue;
    return fail(ErrorCode::kMalformed, "page {} is free, and named or free twice", page);
  }
  const auto n_lost = std::ranges::count(n_named, 0u);
  if (n_lost == 0) return {};
  return fail(ErrorCode::kMalformed, "{} pages are neither free nor named", n_lost);
}

}  // namespace eddy
