#include "memory/kv_memory.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "memory/zeroed.h"

namespace eddy {
namespace {

std::uint64_t page_offset(const KvPages& pages, std::int32_t page) {
  return pages.offset + static_cast<std::uint64_t>(page) * pages.stride;
}

std::int32_t narrow(std::int64_t pages) { return static_cast<std::int32_t>(pages); }

}  // namespace

// --- Lists ----------------------------------------------------------------------------------

void KvMemory::extend(CellId src, CellId dst, std::int32_t n_tokens) noexcept {
  if (groups_.empty()) return;
  if (src != dst && src != CellId()) share(src, dst, n_tokens_[src]);
  const Pos n_before = n_tokens_[dst];
  n_tokens_[dst] += n_tokens;
  for (Group& group : groups_) {
    own_last(group, dst, n_before);
    while (group.lists.end_page(dst) < n_pages_of(n_tokens_[dst])) group.lists.append(dst);
  }
}

// Copies the page that the position after n_tokens is about to share with what is in it already, if
// other cells have it too.
void KvMemory::own_last(Group& group, CellId cell, Pos n_tokens) noexcept {
  const std::int64_t n_rows = n_tokens % kKvPage;
  if (n_rows == 0) return;
  const std::int32_t page = group.lists.pages(cell).back();
  if (group.lists.n_holders(page) == 1) return;
  group.lists.renew_last(cell);
  const std::int32_t copy = group.lists.pages(cell).back();
  for (const KvPages& layer : group.layers) {
    const auto copy_rows = [&](std::uint64_t offset, std::uint64_t n_row) {
      const auto rows = std::span(rows_).first(static_cast<std::uint64_t>(n_rows) * n_row);
      layer.buffer->read(page_offset(layer, page) + offset, rows);
      layer.buffer->write(page_offset(layer, copy) + offset, rows);
    };
    copy_rows(0, layer.k_bytes);
    copy_rows(layer.k_bytes * kKvPage, layer.v_bytes);
  }
}

void KvMemory::settle(CellId cell) noexcept {
  for (Group& group : groups_) {
    const std::int64_t first = first_page_of(n_tokens_[cell], group.window);
    group.lists.drop_front(cell, narrow(first) - group.lists.first_page(cell),
                           [&](std::int32_t page) { wipe(group, page); });
  }
}

void KvMemory::release(CellId cell) noexcept {
  if (groups_.empty()) return;
  truncate(cell, 0);
  for (Group& group : groups_) group.lists.begin(cell, 0);
}

Pos KvMemory::n_tokens_min(CellId cell) const {
  const bool has_passed = std::ranges::any_of(groups_, [&](const Group& group) {
    return first_visible(n_tokens_[cell], group.window) > 0;
  });
  return has_passed ? n_tokens_[cell] : 0;
}

void KvMemory::truncate(CellId cell, Pos n_tokens) noexcept {
  for (Group& group : groups_) {
    const std::int64_t end = std::max<std::int64_t>(n_pages_of(n_tokens),  //
                                                    group.lists.first_page(cell));
    group.lists.drop_back(cell, group.lists.end_page(cell) - narrow(end),
                          [&](std::int32_t page) { wipe(group, page); });
  }
  n_tokens_[cell] = n_tokens;
}

void KvMemory::share(CellId src, CellId dst, Pos n_tokens) noexcept {
  assert(n_tokens_[dst] == 0);
  for (Group& group : groups_) {
    group.lists.share(src, dst, narrow(n_pages_of(n_tokens)) - group.lists.first_page(src));
  }
  n_tokens_[dst] = n_tokens;
}

void KvMemory::lend(CellId src, CellId dst) noexcept {
  if (groups_.empty()) return;
  const bool is_shared = std::ranges::any_of(groups_, [&](const Group& group) {
    const auto pages = group.lists.pages(src);
    return !pages.empty() && group.lists.n_holders(pages.back()) > 1;
  });
  if (is_shared) return share(src, dst, n_tokens_[src]);
  for (Group& group : groups_) group.lists.move(src, dst);
  n_tokens_[dst] = std::exchange(n_tokens_[src], 0);
}

void KvMemory::give_back(CellId dst, CellId src, Pos n_tokens) noexcept {
  if (groups_.empty() || n_tokens_[src] > 0) return;
  truncate(dst, n_tokens);
  for (Group& group : groups_) group.lists.move(dst, src);
  n_tokens_[src] = std::exchange(n_tokens_[dst], 0);
}

void KvMemory::install(CellId cell, Pos n_tokens) noexcept {
  if (groups_.empty()) return;
  assert(n_tokens_[cell] == 0);
  for (Group& group : groups_) {
    group.lists.begin(cell, narrow(first_page_of(n_tokens, group.window)));
    while (group.lists.end_page(cell) < n_pages_of(n_tokens)) group.lists.append(cell);
  }
  n_tokens_[cell] = n_tokens;
}

// --- Pages ----------------------------------------------------------------------------------

KvLane KvMemory::lane(std::size_t group, CellId cell, std::int32_t n_tokens) const {
  const KvLists& lists = groups_[group].lists;
  return {.pos = static_cast<std::int32_t>(n_tokens_[cell]) - n_tokens,
          .first_page = lists.first_page(cell),
          .pages = lists.pages(cell)};
}

KvLane KvMemory::worst_lane(std::size_t group, std::int32_t n_tokens) const {
  const std::int64_t n_pages =
      std::max<std::int64_t>(groups_[group].lists.n_list_max(), n_pages_of(n_tokens));
  return {.pos = narrow(n_pages * kKvPage - n_tokens),
          .first_page = 0,
          .pages = std::span(page_numbers_).first(static_cast<std::size_t>(n_pages))};
}

KvPages KvMemory::pages(LayerId layer) const {
  return layers_.contains(layer) ? layers_[layer].pages : KvPages();
}

std::size_t KvMemory::group_of(LayerId layer) const { return layers_[layer].group; }

void KvMemory::wipe(const Group& group, std::int32_t page) noexcept {
  for (const KvPages& layer : group.layers) {
    layer.buffer->zero(page_offset(layer, page), layer.stride);
  }
}

template <class F>
void KvMemory::walk(const KvTensor& tensor, CellId cell, Pos first, std::size_t n_bytes,
                    const F& f) const {
  const KvLists& lists = groups_[tensor.group].lists;
  for (std::size_t done = 0; done < n_bytes;) {
    const auto row = static_cast<std::uint64_t>(first % kKvPage);
    const std::size_t n = std::min(n_bytes - done, (kKvPage - row) * tensor.row_bytes);
    const auto entry = static_cast<std::size_t>(first / kKvPage - lists.first_page(cell));
    f(page_offset(tensor.pages, lists.pages(cell)[entry]) + tensor.row_offset +
          row * tensor.row_bytes,
      done, n);
    done += n;
    first += kKvPage - static_cast<Pos>(row);
  }
}

void KvMemory::read(const KvTensor& tensor, CellId cell, Pos first,
                    std::span<std::byte> out) const noexcept {
  walk(tensor, cell, first, out.size(),
       [&](std::uint64_t offset, std::size_t at, std::size_t n_bytes) {
         tensor.pages.buffer->read(offset, out.subspan(at, n_bytes));
       });
}

void KvMemory::write(const KvTensor& tensor, CellId cell, Pos first,
                     std::span<const std::byte> rows) noexcept {
  walk(tensor, cell, first, rows.size(),
       [&](std::uint64_t offset, std::size_t at, std::size_t n_bytes) {
         tensor.pages.buffer->write(offset, rows.subspan(at, n_bytes));
       });
}

// --- Checks ---------------------------------------------------------------------------------

Status KvMemory::check() const {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const KvLists& lists = groups_[g].lists;
    const Status sound = lists.check();
    if (!sound) return prefixed(fmt::format("I7: window {}", window(g)), sound.error());
    for (std::size_t i = 0; i < n_tokens_.size(); ++i) {
      const CellId cell = n_tokens_.id_at(i);
      const std::int32_t shown = window(g) == 0 ? 0 : window(g) - n_rewind_;
      const std::int64_t first = first_page_of(n_tokens_[cell], shown);
      if (lists.end_page(cell) == n_pages_of(n_tokens_[cell]) && lists.first_page(cell) <= first) {
        continue;
      }
      return fail(ErrorCode::kMalformed, "I7: window {}: cell {}: pages [{}, {}) of {} tokens",
                  window(g), i, lists.first_page(cell), lists.end_page(cell), n_tokens_[cell]);
    }
  }
  return {};
}

Status KvMemory::check_free_pages() const {
  for (const Group& group : groups_) {
    for (const std::int32_t page : group.lists.free_pages()) {
      for (const KvPages& layer : group.layers) {
        if (is_zeroed(*layer.buffer, page_offset(layer, page), layer.stride)) continue;
        return fail(ErrorCode::kMalformed, "I6: window {}: free page {} is not zero", group.window,
                    page);
      }
    }
  }
  return {};
}

}  // namespace eddy
