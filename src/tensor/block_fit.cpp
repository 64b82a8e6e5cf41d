#include "tensor/block_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace eddy {
namespace {

constexpr std::size_t kMostElems = 32;
constexpr int kSteps = 9;      // candidates to each side of the plain one
constexpr double kStep = 0.1;  // levels by which they differ

// The sums that least squares need, for the integers of a candidate.
struct Sums {
  double w = 0, x = 0, q = 0, xx = 0, xq = 0, qq = 0;  // weighted

  void add(double weight, double value, double quant) {
    w += weight;
    x += weight * value;
    q += weight * quant;
    xx += weight * value * value;
    xq += weight * value * quant;
    qq += weight * quant * quant;
  }
  double error(double scale, double low) const {
    return xx + scale * scale * qq + low * low * w - 2 * scale * xq + 2 * low * x -
           2 * scale * low * q;
  }
};

std::array<double, kMostElems> weights_of(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += static_cast<double>(v) * v;
  const double mean = std::sqrt(sum / static_cast<double>(x.size()));
  std::array<double, kMostElems> w{};
  for (std::size_t i = 0; i < x.size(); ++i) w[i] = mean + std::abs(static_cast<double>(x[i]));
  return w;
}

double clamp_round(double v, QuantRange range) {
  return std::clamp(std::nearbyint(v), static_cast<double>(range.least),
                    static_cast<double>(range.most));
}

// Scale and minimum of least error for the integers that made the sums.
Fit least_squares(const Sums& s, LowSign sign) {
  const double determinant = s.w * s.qq - s.q * s.q;
  double scale = 0, low = 0;
  if (determinant > 0) {
    scale = (s.w * s.xq - s.x * s.q) / determinant;
    low = (s.q * s.xq - s.qq * s.x) / determinant;
  }
  if (determinant <= 0 || (sign == LowSign::kNotNegative && low < 0)) {
    low = 0;
    scale = s.qq > 0 ? s.xq / s.qq : 0;
  }
  return {static_cast<float>(scale), static_cast<float>(low)};
}

}  // namespace

float fit_scale(std::span<const float> x, QuantRange range) {
  const float extreme =
      *std::ranges::max_element(x, [](float a, float b) { return std::abs(a) < std::abs(b); });
  if (!(std::abs(extreme) > 0)) return 0;
  const auto w = weights_of(x);
  double best_scale = 0, best_gain = -1;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const double inverse = (range.least + kStep * step) / static_cast<double>(extreme);
    Sums sums;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sums.add(w[i], x[i], clamp_round(x[i] * inverse, range));
    }
    if (sums.qq == 0) continue;
    const double gain = sums.xq * sums.xq / sums.qq;  // what is left of the error is xx - gain
    if (gain > best_gain) {
      best_gain = gain;
      best_scale = sums.xq / sums.qq;
    }
  }
  return static_cast<float>(best_scale);
}

Fit fit_scale_and_low(std::span<const float> x, int most, LowSign sign) {
  auto [least_x, most_x] = std::ranges::minmax(x);
  if (sign == LowSign::kNotNegative) least_x = std::min(least_x, 0.0f);
  if (!(most_x > least_x)) return {.scale = 0, .low = -least_x};
  const auto w = weights_of(x);
  Fit best;
  double best_error = -1;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const double inverse = (most + kStep * step) / (static_cast<double>(most_x) - least_x);
    Sums sums;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sums.add(w[i], x[i], clamp_round((x[i] - least_x) * inverse, {0, most}));
    }
    const Fit fit = least_squares(sums, sign);
    const double error = sums.error(fit.scale, fit.low);
    if (fit.scale > 0 && (best_error < 0 || error < best_error)) {
      best = fit;
      best_error = error;
    }
  }
  return best;
}

int nearest(float v, float scale, QuantRange range) {
  return scale == 0 ? std::clamp(0, range.least, range.most)
                    : static_cast<int>(clamp_round(static_cast<double>(v) / scale, range));
}

void quantise(std::span<const float> x, Fit fit, QuantRange range, std::span<int> q) {
  for (std::size_t i = 0; i < x.size(); ++i) q[i] = nearest(x[i] + fit.low, fit.scale, range);
}

}  // namespace eddy
