#include "memory/store_budget.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"

namespace eddy {
namespace {

// Contents with their names counted, and what they own together.
class Owned {
 public:
  Owned(std::uint64_t n_overhead, const std::vector<StateEntry>& entries)
      : n_overhead_(n_overhead) {
    for (const StateEntry& entry : entries) add(entry);
  }
  std::uint64_t n_bytes() const { return n_bytes_; }

  // Gives up the oldest entries that are not pinned until the rest owns at most n_most.
  std::vector<StateEntry> shrink(std::vector<StateEntry> entries, std::uint64_t n_most) {
    std::ranges::sort(entries, {}, &StateEntry::last_use_us);
    std::vector<StateEntry> victims;
    for (const StateEntry& entry : entries) {
      if (n_bytes_ <= n_most) break;
      if (contents_[key(entry)].is_pinned) continue;
      remove(entry);
      victims.push_back(entry);
    }
    return victims;
  }

 private:
  struct Content {
    std::size_t n_names = 0;
    bool is_pinned = false;
  };

  void add(const StateEntry& entry) {
    Content& content = contents_[key(entry)];
    if (content.n_names++ == 0) n_bytes_ += entry.n_bytes + n_overhead_;
    content.is_pinned = content.is_pinned || entry.state.is_pinned;
  }
  void remove(const StateEntry& entry) {
    if (--contents_[key(entry)].n_names == 0) n_bytes_ -= entry.n_bytes + n_overhead_;
  }
  static std::pair<std::uint64_t, std::uint64_t> key(const StateEntry& entry) {
    return {entry.digest.high, entry.digest.low};
  }

  std::uint64_t n_overhead_;
  std::uint64_t n_bytes_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Content> contents_;
};

}  // namespace

std::uint64_t n_owned_bytes(const std::vector<StateEntry>& entries, std::uint64_t n_overhead) {
  return Owned(n_overhead, entries).n_bytes();
}

Result<std::vector<StateEntry>> choose_victims(std::vector<StateEntry> entries,
                                               const StateEntry& incoming,
                                               const StoreBudget& budget) {
  std::erase_if(entries, [&](const StateEntry& e) { return e.state.name == incoming.state.name; });
  StateEntry kept = incoming;  // while it comes, nothing that shares its bytes frees any
  kept.state.is_pinned = true;
  entries.push_back(std::move(kept));
  Owned owned(budget.n_overhead, entries);
  std::vector<StateEntry> victims = owned.shrink(std::move(entries), budget.n_bytes);
  if (owned.n_bytes() <= budget.n_bytes) return victims;
  return fail(ErrorCode::kFull, "state {}: {} bytes do not fit a budget of {}: {} stay",
              incoming.state.name, incoming.n_bytes + budget.n_overhead, budget.n_bytes,
              owned.n_bytes() - incoming.n_bytes - budget.n_overhead);
}

std::vector<StateEntry> oldest_over(std::vector<StateEntry> entries, const StoreBudget& budget) {
  Owned owned(budget.n_overhead, entries);
  return owned.shrink(std::move(entries), budget.n_bytes);
}

}  // namespace eddy
