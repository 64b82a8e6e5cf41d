#include "engine/parking.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "memory/dir_store.h"
#include "memory/map_store.h"

namespace eddy {
namespace {

constexpr std::string_view kPrefix = "parked ";

}  // namespace

Parking::Parking() : Parking(std::make_unique<MapStore>()) {}

Parking::Kept::Kept(std::shared_ptr<Shelf> on, std::uint64_t order, const Facts& of)
    : shelf(std::move(on)), number(order), name(fmt::format("{}{}", kPrefix, order)), facts(of) {
  shelf->n_bytes += facts.n_bytes;
}

// Where the name cannot be removed, the next opening of the folder does it.
Parking::Kept::~Kept() {
  shelf->n_bytes -= facts.n_bytes;
  static_cast<void>(shelf->store->erase(name));
}

Result<Parking> Parking::in_folder(FileSystem& fs, const std::string& folder) {
  EDDY_TRY_ASSIGN(DirStore store, DirStore::open(fs, folder, {.outlives = Outlives::kProcess}));
  EDDY_TRY_ASSIGN(const auto left, store.list());
  for (const StateEntry& entry : left) {
    if (entry.state.name.starts_with(kPrefix)) continue;
    return fail(ErrorCode::kInvalidArgument,
                "{}: it keeps the state {}; a folder to park in must be none of saved states",
                folder, entry.state.name);
  }
  for (const StateEntry& entry : left) EDDY_TRY(store.erase(entry.state.name));
  return Parking(std::make_unique<DirStore>(std::move(store)));
}

bool Parking::put(const ParkRequest& request) try {
  const Facts facts = {.n_tokens = request.pos + 1, .n_bytes = request.state.size()};
  if (facts.n_bytes > n_bytes_max_) return false;
  const auto kept = std::make_shared<const Kept>(shelf_, n_names_++, facts);
  const StateDescriptor state = {.name = kept->name, .position = facts.n_tokens};
  if (!shelf_->store->put(state, request.state)) return false;
  for (const SeqId seq : request.seqs) kept_[seq] = kept;
  while (n_bytes() > n_bytes_max_) drop_oldest();
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

// For all who share it.
void Parking::drop_oldest() {
  const auto oldest =
      std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second->number; });
  std::erase_if(kept_, [number = oldest->second->number](const auto& entry) {
    return entry.second->number == number;
  });
}

Result<StoredState> Parking::get(SeqId seq) {
  const auto found = kept_.find(seq);
  if (found != kept_.end()) return shelf_->store->get(found->second->name);
  return fail(ErrorCode::kNotFound, "sequence {}: nothing is parked", seq.value);
}

std::optional<Parking::Facts> Parking::find(SeqId seq) const {
  const auto found = kept_.find(seq);
  if (found == kept_.end()) return std::nullopt;
  return found->second->facts;
}

}  // namespace eddy
