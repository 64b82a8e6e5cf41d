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
    EDDY_TRY_ASSIGN(const auto victims, make_room(entry));
    Contents fresh;
    const std::pair key(entry.digest.high, entry.digest.low);
    auto content = contents_.find(key);
    if (content == contents_.end()) {
      content = fresh.try_emplace(key).first;
      content->second.bytes =
          std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    }
    const auto [kept, is_new] = kept_.try_emplace(state.name, Kept{{}, contents_.end()});

    // From here on nothing fails.
    if (!fresh.empty()) n_owned_ += entry.n_bytes;
    contents_.merge(fresh);
    ++content->second.n_names;
    if (!is_new) let_go(kept->second.content);
    kept->second = {std::move(entry), content};
    for (const StateEntry& victim : victims) (void)erase(victim.state.name).ok();
    return {};
  });
}

Result<StoredState> MapStore::get(const std::string& name) {
  return guarded([&]() -> Result<StoredState> {
    const auto found = kept_.find(name);
    if (found == kept_.end()) return no_such_state(name);
    auto& [entry, content] = found->second;
    entry.last_use_us = use();
    const auto& bytes = content->second.bytes;
    return StoredState{.entry = entry, .bytes = *bytes, .owner = bytes};
  });
}

Status MapStore::erase(const std::string& name) {
  return guarded([&]() -> Status {
    const auto found = kept_.find(name);
    if (found == kept_.end()) return no_such_state(name);
    let_go(found->second.content);
    kept_.erase(found);
    return {};
  });
}

Result<std::vector<StateEntry>> MapStore::list() {
  return guarded([&]() -> Result<std::vector<StateEntry>> {
    std::vector<StateEntry> entries;
    for (const auto& [name, kept] : kept_) entries.push_back(kept.entry);
    return entries;
  });
}

std::int64_t MapStore::use() { return last_use_us_ = std::max(now_(), last_use_us_ + 1); }

Result<std::vector<StateEntry>> MapStore::make_room(const StateEntry& entry) {
  if (entry.n_bytes <= budget_ - std::min(budget_, n_owned_)) return std::vector<StateEntry>();
  EDDY_TRY_ASSIGN(auto entries, list());
  return choose_victims(std::move(entries), entry, {.n_bytes = budget_});
}

void MapStore::let_go(Contents::iterator content) {
  if (--content->second.n_names > 0) return;
  n_owned_ -= content->second.bytes->size();
  contents_.erase(content);
}

}  // namespace eddy
