#include "memory/kv_needs.h"

#include <algorithm>

namespace eddy {

void KvNeeds::begin() { std::ranges::fill(n_pages_, 0u); }

void KvNeeds::begin(const KvNeeds& other) { n_pages_ = other.n_pages_; }

void KvNeeds::add(const KvGrowth& growth) {
  for (std::size_t g = 0; g < n_pages_.size(); ++g) {
    if (!kv_.is_ample(g)) n_pages_[g] += of_growth(g, growth);
  }
}

void KvNeeds::add_state(Pos n_tokens, CellId replaced) {
  for (std::size_t g = 0; g < n_pages_.size(); ++g) {
    if (kv_.is_ample(g)) continue;
    const auto n_needed =
        static_cast<std::uint64_t>(n_pages_of(n_tokens) - first_page_of(n_tokens, kv_.window(g)));
    n_pages_[g] += n_needed - std::min(n_needed, n_own(g, replaced));
  }
}

std::uint64_t KvNeeds::of_growth(std::size_t group, const KvGrowth& growth) const {
  const KvLists& lists = kv_.lists(group);
  const Pos n_before = kv_.n_tokens(growth.cell);
  std::int64_t first_new = n_pages_of(n_before);
  if (n_before % kKvPage != 0) {
    const bool is_shared =
        !growth.is_in_place || lists.n_holders(lists.pages(growth.cell).back()) > 1;
    first_new -= is_shared ? 1 : 0;  // the copy
  }
  const std::int64_t end = n_pages_of(n_before + static_cast<Pos>(growth.n_tokens));
  const auto n_new = static_cast<std::uint64_t>(end - first_new);
  if (kv_.window(group) == 0 || n_new == 0) return n_new;
  const std::uint64_t n_list = n_window_pages(kv_.window(group), growth.n_tokens_max);
  const bool gives_back = growth.is_in_place && growth.is_alone;
  const std::uint64_t n_back = gives_back ? n_own(group, growth.cell) : 0;
  return std::min(n_new, n_list - std::min(n_list, n_back));
}

// Pages that no other cell has.
std::uint64_t KvNeeds::n_own(std::size_t group, CellId cell) const {
  if (cell == CellId()) return 0;
  const KvLists& lists = kv_.lists(group);
  return static_cast<std::uint64_t>(std::ranges::count_if(
      lists.pages(cell), [&](std::int32_t page) { return lists.n_holders(page) == 1; }));
}

}  // namespace eddy
