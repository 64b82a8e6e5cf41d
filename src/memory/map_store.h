// MapStore: a StateStore in the process's own memory.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memory/state_store.h"

namespace eddy {

// put, get and erase cost O(log names) and the bytes, but where a budget makes states go.
class MapStore : public StateStore {
 public:
  explicit MapStore(std::uint64_t budget = kNoBudget, StoreClock now = system_clock_us)
      : budget_(budget), now_(std::move(now)) {}
  MapStore(const MapStore&) = delete;
  MapStore& operator=(const MapStore&) = delete;

  Status put(const StateDescriptor& state, std::span<const std::byte> bytes) override;
  Result<StoredState> get(const std::string& name) override;
  Status erase(const std::string& name) override;
  Result<std::vector<StateEntry>> list() override;

 private:
  struct Content {
    std::shared_ptr<const std::vector<std::byte>> bytes;
    std::size_t n_names = 0;
  };
  using Contents = std::map<std::pair<std::uint64_t, std::uint64_t>, Content>;  // by digest
  struct Kept {
    StateEntry entry;
    Contents::iterator content;
  };

  std::int64_t use();
  Result<std::vector<StateEntry>> make_room(const StateEntry& entry);
  void let_go(Contents::iterator content);

  std::uint64_t budget_;
  StoreClock now_;
  std::int64_t last_use_us_ = 0;
  std::uint64_t n_owned_ = 0;  // bytes
  Contents contents_;
  std::map<std::string, Kept> kept_;
};

}  // namespace eddy
