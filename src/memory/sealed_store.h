// SealedStore: a StateStore that seals what another one keeps (memory/seal.h).
//
// Contents alone are sealed: names, positions, models and times are not, and whoever can write to
// the store can give a name an older or another name's content.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "memory/seal.h"
#include "memory/state_store.h"

namespace eddy {

class SealedStore : public StateStore {
 public:
  SealedStore(std::unique_ptr<StateStore> inner, SealKey key)
      : inner_(std::move(inner)), key_(std::move(key)) {}

  Status put(const StateDescriptor& state, std::span<const std::byte> bytes) override;
  // kMalformed also: sealed with another key; kMismatch: not sealed at all.
  Result<StoredState> get(const std::string& name) override;
  Status erase(const std::string& name) override { return inner_->erase(name); }
  // Digests are those of the sealed bytes.
  Result<std::vector<StateEntry>> list() override;

 private:
  std::unique_ptr<StateStore> inner_;
  SealKey key_;
};

}  // namespace eddy
