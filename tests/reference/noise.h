// Random errors of a known size, put where the engine rounds, to learn how far rounding may carry
// the logits. See reference.h.
#pragma once

#include <cstdint>

namespace eddy::reference {

// Unit roundoffs: half the distance of neighbours, relative to the value.
inline constexpr double kUnitF32 = 0x1p-24;
inline constexpr double kUnitF16 = 0x1p-11;
inline constexpr double kUnitBF16 = 0x1p-8;

struct Noise {
  std::uint64_t seed = 0;
  double arithmetic = 0;     // unit roundoff of activations; 0: none
  double state_r = 0;        // unit roundoff of R
  double state_s = 0;        // unit roundoff of S
  double state_kv = 0;       // unit roundoff of K and V
  bool quantised_x = false;  // x of a product with a quantised weight is rounded to int8 by blocks

  // Uniform in [-1, 1).
  double draw() {
    std::uint64_t z = (seed += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1.0;
  }

  // v with an error of at most n_roundings unit roundoffs of `magnitude`.
  double rounded(double v, double n_roundings, double magnitude) {
    return arithmetic == 0 ? v : v + draw() * arithmetic * n_roundings * magnitude;
  }
};

}  // namespace eddy::reference
