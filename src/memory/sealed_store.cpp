#include "memory/sealed_store.h"

#include <algorithm>

#include "base/error.h"
#include "base/guarded.h"
#include "base/try.h"

namespace eddy {
namespace {

// Without what sealing adds; of contents that are not sealed, what is left.
std::uint64_t n_unsealed(std::uint64_t n_sealed) {
  return n_sealed - std::min<std::uint64_t>(n_sealed, kSealExtraBytes);
}

}  // namespace

Status SealedStore::put(const StateDescriptor& state, std::span<const std::byte> bytes) {
  return guarded([&]() -> Status { return inner_->put(state, seal(key_, bytes)); });
}

Result<StoredState> SealedStore::get(const std::string& name) {
  return guarded([&]() -> Result<StoredState> {
    EDDY_TRY_ASSIGN(StoredState stored, inner_->get(name));
    auto bytes = unseal(key_, stored.bytes);
    if (!bytes) return prefixed("state " + name, bytes.error());
    const auto owner = std::make_shared<const std::vector<std::byte>>(std::move(*bytes));
    stored.entry.n_bytes = owner->size();
    stored.bytes = *owner;
    stored.owner = owner;
    return stored;
  });
}

Result<std::vector<StateEntry>> SealedStore::list() {
  EDDY_TRY_ASSIGN(auto entries, inner_->list());
  for (StateEntry& entry : entries) entry.n_bytes = n_unsealed(entry.n_bytes);
  return entries;
}

}  // namespace eddy
