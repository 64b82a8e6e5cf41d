#include "engine/portable_math.h"

#include <cassert>
#include <cmath>

namespace eddy {
namespace {

constexpr double kLog2E = 1.4426950408889634;
// ln 2 in two parts (Cody & Waite 1980): k * kLn2High is exact for |k| < 2^11.
constexpr double kLn2High = 0x1.62e42fee00000p-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
// |r| <= ln(2) / 2: the first term that is left out is r^14 / 14! < 5e-18.
constexpr int kTerms = 13;

constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

double portable_exp(double x) {
  assert(!(x > 0));
  if (!(x > -700)) return 0;
  const double k = std::floor(x * kLog2E + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1;
  for (int i = kTerms; i >= 1; --i) sum = 1 + sum * (r / i);
  return std::ldexp(sum, static_cast<int>(k));
}

double counter_random(std::uint64_t seed, std::uint64_t counter) {
  const std::uint64_t bits = mix(mix(seed + kGoldenGamma) + (counter + 1) * kGoldenGamma);
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace eddy
