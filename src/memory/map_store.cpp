#include "memory/map_store.h"

#include <algorithm>
#include <utility>

#include "base/guarded.h"
#include "base/try.h"
#include "memory/store_budget.h"

namespace eddy {

Status MapStore::put(const StateDescriptor& state, std::span<const std::byte> bytes) {
  return guarded([&]() -> Status {
    EDDY_TRY(check_state_name(state.name));
    StateEntry entry = {.state = state,
                        .n_bytes = bytes.size(),
                        .digest = checksum128(bytes),
                        .last_use_us = use()};
    EDDY_TRY_ASSIGN(const auto entries, list());
    EDDY_TRY_ASSIGN(const auto victims, choose_victims(entries, entry, {.n_bytes = budget_}));
    Content content = find_content(entry);
    if (!content) {
      content = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    }
    Kept& kept = kept_[state.name];
    kept = {std::move(entry), std::move(content)};
    for (const StateEntry& victim : victims) kept_.erase(victim.state.name);
    return {};
  });
}

Result<StoredState> MapStore::get(const std::string& name) {
  const auto found = kept_.find(name);
  if (found == kept_.end()) return no_such_state(name);
  Kept& kept = found->second;
  kept.entry.last_use_us = use();
  return StoredState{.entry = kept.entry, .bytes = *kept.content, .owner = kept.content};
}

Status MapStore::erase(const std::string& name) {
  if (kept_.erase(name) == 0) return no_such_state(name);
  return {};
}

Result<std::vector<StateEntry>> MapStore::list() {
  std::vector<StateEntry> entries;
  for (const auto& [name, kept] : kept_) entries.push_back(kept.entry);
  return entries;
}

std::int64_t MapStore::use() { return last_use_us_ = std::max(now_(), last_use_us_ + 1); }

MapStore::Content MapStore::find_content(const StateEntry& entry) const {
  const auto found = std::ranges::find_if(
      kept_, [&](const auto& kept) { return kept.second.entry.digest == entry.digest; });
  return found == kept_.end() ? nullptr : found->second.content;
}

}  // namespace eddy
