// MapStore: a StateStore in the process's own memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory/state_store.h"

namespace eddy {

class MapStore : public StateStore {
 public:
  explicit MapStore(std::uint64_t budget = kNoBudget, StoreClock now = system_clock_us)
      : budget_(budget), now_(std::move(now)) {}

  Status put(const StateDescriptor& state, std::span<const std::byte> bytes) override;
  Result<StoredState> get(const std::string& name) override;
  Status erase(const std::string& name) override;
  Result<std::vector<StateEntry>> list() override;

 private:
  using Content = std::shared_ptr<const std::vector<std::byte>>;
  struct Kept {
    StateEntry entry;
    Content content;
  };

  std::int64_t use();
  Content find_content(const StateEntry& entry) const;

  std::uint64_t budget_;
  StoreClock now_;
  std::int64_t last_use_us_ = 0;
  std::map<std::string, Kept> kept_;
};

}  // namespace eddy
