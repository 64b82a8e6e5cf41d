#include "engine/counter_random.h"

namespace eddy {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

double counter_random(std::uint64_t seed, std::uint64_t counter) {
  const std::uint64_t bits = mix(mix(seed + kGoldenGamma) + (counter + 1) * kGoldenGamma);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace eddy
