// A hash table from pairs of ids to ranks.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eddy {

class PairTable {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  // Has room for n pairs.
  explicit PairTable(std::size_t n) : slots_(std::bit_ceil(2 * n + 1)) {}

  // Whether the pair is new; if it is not, its rank stays. The rank is below kNone.
  bool insert(std::int32_t left, std::int32_t right, std::uint32_t rank) {
    Slot& slot = slots_[slot_of(key_of(left, right))];
    if (slot.rank != kNone) return false;
    slot = {key_of(left, right), rank};
    return true;
  }

  // kNone if there is no such pair.
  std::uint32_t find(std::int32_t left, std::int32_t right) const {
    return slots_[slot_of(key_of(left, right))].rank;
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t rank = kNone;
  };

  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }

  std::size_t slot_of(std::uint64_t key) const {
    std::uint64_t hash = key * 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: mixes upwards
    hash ^= hash >> 32;
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = static_cast<std::size_t>(hash) & mask;
    while (slots_[slot].rank != kNone && slots_[slot].key != key) slot = (slot + 1) & mask;
    return slot;
  }

  std::vector<Slot> slots_;  // a power of two; at most half are taken
};

}  // namespace eddy
