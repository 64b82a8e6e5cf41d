// The stores that the conformance suite runs over: each opens stores with the same content anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/support/temporary_folder.h"
#include "memory/dir_store.h"
#include "memory/map_store.h"
#include "memory/sealed_store.h"

namespace eddy::test {

// Bytes that belong to a seed, and to no other.
inline std::vector<std::byte> content_of(std::uint64_t seed, std::size_t n_bytes) {
  std::vector<std::byte> bytes(n_bytes);
  std::uint64_t x = seed * 0x9E3779B97F4A7C15u + 1;
  for (std::byte& b : bytes) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    b = static_cast<std::byte>(x >> 56);
  }
  return bytes;
}

inline StateDescriptor descriptor(std::string name, Pos position = 1, bool is_pinned = false) {
  ModelIdentity model;
  model.bytes.fill(static_cast<std::uint8_t>(name.size()));
  return {.name = std::move(name), .model = model, .position = position, .is_pinned = is_pinned};
}

// A clock that tests set.
struct TestClock {
  std::shared_ptr<std::int64_t> now = std::make_shared<std::int64_t>(1000);
  StoreClock function() const {
    return [at = now] { return *at; };
  }
};

struct MapWorld {
  static constexpr std::uint64_t kOverhead = 0;  // bytes of a content's own that a budget counts
  TestClock clock;
  std::unique_ptr<StateStore> open(std::uint64_t budget = kNoBudget) const {
    return std::make_unique<MapStore>(budget, clock.function());
  }
};

struct DirWorld {
  static constexpr std::uint64_t kOverhead = 384;
  TestClock clock;
  TemporaryFolder folder{quick_place()};
  Outlives outlives = Outlives::kPowerCut;
  std::string path() const { return folder.path("store"); }
  std::unique_ptr<StateStore> open(std::uint64_t budget = kNoBudget) const {
    auto store = DirStore::open(posix_file_system(), path(),
                                {.budget = budget, .outlives = outlives, .now = clock.function()});
    return store ? std::make_unique<DirStore>(std::move(*store)) : nullptr;
  }
};

struct UnsyncedDirWorld : DirWorld {
  UnsyncedDirWorld() { outlives = Outlives::kProcess; }
};

inline SealKey test_key(std::uint64_t seed = 1) {
  return *SealKey::from_bytes(content_of(seed, 32));
}

template <class World>
struct SealedWorld : World {
  static constexpr std::uint64_t kOverhead = World::kOverhead + kSealExtraBytes;
  std::unique_ptr<StateStore> open(std::uint64_t budget = kNoBudget) const {
    auto inner = World::open(budget);
    return inner ? std::make_unique<SealedStore>(std::move(inner), test_key()) : nullptr;
  }
};

}  // namespace eddy::test
