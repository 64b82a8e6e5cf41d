#include "tensor/rope.h"

#include <cmath>

namespace eddy {
namespace {

constexpr double kTurnsOfRadian = 0.15915494309189535;  // 1 / (2 pi)

double power(double x, std::int64_t n) {
  double result = 1;
  for (std::int64_t i = 0; i < n; ++i) result *= x;
  return result;
}

// The n-th root of x >= 1, by halving [1, x] until it holds no number in between.
double root(double x, std::int64_t n) {
  double low = 1, high = x;
  for (double middle = low + (high - low) / 2; low < middle && middle < high;
       middle = low + (high - low) / 2) {
    (power(middle, n) > x ? high : low) = middle;
  }
  return low;
}

}  // namespace

std::uint64_t turns_of(double radians) {
  const double turns = radians * kTurnsOfRadian;
  return static_cast<std::uint64_t>((turns - std::floor(turns)) * 0x1p64);
}

std::vector<std::uint64_t> rope_turns(double base, std::int64_t n_dims, double scale) {
  const double step = root(base, n_dims / 2);
  std::vector<std::uint64_t> turns;
  for (std::int64_t d = 0; d < n_dims / 2; ++d) turns.push_back(turns_of(scale / power(step, d)));
  return turns;
}

}  // namespace eddy
