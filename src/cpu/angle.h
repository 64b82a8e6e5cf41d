// Sine and cosine of an angle in 2^-64 turns, the same bits on every machine: each step is one
// IEEE operation in double.
#pragma once

#include <cstdint>

namespace eddy {

struct Angle {
  float cos, sin;
};

// With x the distance to the nearest quarter turn, |x| <= pi / 4, the series of both to x^15: the
// first terms left out are below 2e-15.
inline Angle angle_of(std::uint64_t phase) {
  const std::uint64_t quarter = (phase + (std::uint64_t{1} << 61)) >> 62;
  const auto rest = static_cast<std::int64_t>(phase - (quarter << 62));
  const double x = static_cast<double>(rest) * 0x1.921fb54442d18p-62;  // 2 pi 2^-64
  const double z = x * x;
  double sin = 0, cos = 0;
  for (int n = 14; n >= 2; n -= 2) {
    sin = (1 + sin) * (-z * (1.0 / (n * (n + 1))));
    cos = (1 + cos) * (-z * (1.0 / (n * (n - 1))));
  }
  const auto c = static_cast<float>(1 + cos), s = static_cast<float>(x + x * sin);
  switch (quarter & 3) {
    case 0: return {c, s};
    case 1: return {-s, c};
    case 2: return {-c, -s};
    default: return {s, -c};
  }
}

}  // namespace eddy
