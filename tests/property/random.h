// splitmix64 (Steele, Lea & Flood 2014): small, and the same everywhere.
#pragma once

#include <cstdint>
#include <span>

namespace eddy::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(next() >> 33) % n; }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

// How often something comes, of the sum of all weights.
template <class Kind>
struct Weight {
  Kind kind;
  std::uint32_t weight;
};

template <class Kind>
Kind random_kind(Random& random, std::span<const Weight<Kind>> weights) {
  std::uint32_t sum = 0;
  for (const auto& w : weights) sum += w.weight;
  std::uint32_t left = random.below(sum);
  for (const auto& w : weights) {
    if (left < w.weight) return w.kind;
    left -= w.weight;
  }
  return weights.front().kind;  // not reached
}

}  // namespace eddy::test
