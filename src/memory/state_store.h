// StateStore: serialised states under names, outside of cells: conversations that outlive the
// process, parked sequences. A store sees bytes and a small descriptor; what the bytes mean is the
// matter of memory/state_format.h and engine/session_format.h.
//
// I1  put, erase: all or nothing. After an error, and after a crash at any moment, a name has what
//     it had before or what it was to have.
// I2  get gives the bytes that were put, whole, or an error: damage is found by their digest.
// I3  Equal bytes are kept once, whatever their names.
// I4  What is kept fits the budget: names that were not used for longest go first, pinned ones
//     never.
//
// Threading: one thread at a time uses a store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/state_layout.h"

namespace eddy {

inline constexpr std::size_t kStateNameBytes = 255;  // the longest; part of the format of blobs
inline constexpr std::uint64_t kNoBudget = std::numeric_limits<std::uint64_t>::max();

// What the owner of a state says about it.
struct StateDescriptor {
  std::string name;  // 1 .. kStateNameBytes bytes, no control characters
  ModelIdentity model = {};
  Pos position = 0;        // tokens that led to the state
  bool is_pinned = false;  // never goes to make room
};

// What a store knows about it.
struct StateEntry {
  StateDescriptor state;
  std::uint64_t n_bytes = 0;
  Digest128 digest = {};         // of the bytes as they are kept
  std::int64_t last_use_us = 0;  // put or get; microseconds since 1970, rising within a store
};

struct StoredState {
  StateEntry entry;
  std::span<const std::byte> bytes;   // valid as long as owner lives
  std::shared_ptr<const void> owner;  // may outlive the store
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  // Keeps the bytes under the name, in place of what it had. kInvalidArgument: the name; kFull: no
  // room within the budget without what is pinned; kIo, kOutOfMemory.
  virtual Status put(const StateDescriptor& state, std::span<const std::byte> bytes) = 0;

  // kNotFound; kMalformed: damaged; kIo, kOutOfMemory.
  virtual Result<StoredState> get(const std::string& name) = 0;

  // kNotFound; kIo.
  virtual Status erase(const std::string& name) = 0;

  // All, by name.
  virtual Result<std::vector<StateEntry>> list() = 0;
};

// Microseconds since 1970.
using StoreClock = std::function<std::int64_t()>;
std::int64_t system_clock_us();

// kInvalidArgument.
Status check_state_name(std::string_view name);

// "state NAME: not in the store"
Error no_such_state(const std::string& name);

}  // namespace eddy
