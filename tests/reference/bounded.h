// A number and a bound on how far a computation in F32 may be from it: running error analysis
// (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.3).
//
// `v` is computed in double. `e` grows with each operation as the rules of F32 allow: a rounding
// adds u |result|, a function its documented error, and errors of arguments are carried through the
// derivative. A sum counts one rounding of every term's magnitude for each addition, so the bound
// holds for every order of summation.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace eddy::reference {

inline constexpr double kU = 0x1p-24;      // unit roundoff of F32
inline constexpr double kTiny = 0x1p-149;  // the smallest F32: what a denormal result may lose
inline constexpr double kFunctionError = 4 * kU;  // exp, log1p, SiLU: 2 units in the last place

struct Bounded {
  double v = 0;
  double e = 0;
};

inline Bounded exact(double v) { return {v, 0}; }
inline Bounded rounded(Bounded x, double u = kU) {
  return {x.v, x.e + u * (std::abs(x.v) + x.e) + kTiny};
}

inline Bounded operator*(Bounded a, Bounded b) {
  return rounded({a.v * b.v, std::abs(a.v) * b.e + std::abs(b.v) * a.e + a.e * b.e});
}
inline Bounded operator+(Bounded a, Bounded b) { return rounded({a.v + b.v, a.e + b.e}); }
inline Bounded operator-(Bounded a, Bounded b) { return rounded({a.v - b.v, a.e + b.e}); }
inline Bounded operator-(Bounded a) { return {-a.v, a.e}; }

// sum of a[i] b[i], in any order, with or without fused multiply-adds.
inline Bounded dot(const std::vector<Bounded>& a, const std::vector<Bounded>& b) {
  double v = 0, e = 0, magnitude = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Bounded term = a[i] * b[i];
    v += term.v;
    e += term.e;
    magnitude += std::abs(term.v) + term.e;
  }
  return {v, e + static_cast<double>(a.size() + 1) * kU * magnitude};
}

inline Bounded exp(Bounded x) {
  const double v = std::exp(x.v);
  return {v, v * std::expm1(x.e) + kFunctionError * v * std::exp(x.e) + kTiny};
}

// The derivative is at most 1.
inline Bounded softplus(Bounded x) {
  const double v = x.v > 30 ? x.v : std::log1p(std::exp(x.v));
  return {v, x.e + 2 * kFunctionError * (v + x.e) + kTiny};
}

// The derivative is at most 1.1. Far down it is x e^x, and e^x may be denormal.
inline Bounded silu(Bounded x) {
  const double v = x.v / (1 + std::exp(-x.v)), tiny = kTiny * (1 + std::abs(x.v));
  return {v, 1.1 * x.e + 2 * kFunctionError * (std::abs(v) + 1.1 * x.e) + tiny};
}

// The derivative is at most 1/4.
inline Bounded sigmoid(Bounded x) {
  const double v = 1 / (1 + std::exp(-x.v));
  return {v, x.e / 4 + 2 * kFunctionError * (v + x.e / 4) + kTiny};
}

// The derivative is at most 1.
inline Bounded tanh(Bounded x) {
  const double v = std::tanh(x.v);
  return {v, x.e + 2 * kFunctionError * (std::abs(v) + x.e) + kTiny};
}

inline Bounded relu_squared(Bounded x) {
  const Bounded positive = {std::max(x.v, 0.0), x.e};
  return positive * positive;
}

inline Bounded gelu(Bounded x) {
  const Bounded k = rounded(exact(2 * std::sqrt(2 / 3.141592653589793)));
  return x * sigmoid(x * (k * exact(0.044715) * (x * x) + k));
}

// 1 - e^x for x <= 0. The derivative is at most 1.
inline Bounded one_minus_exp(Bounded x) {
  const double v = -std::expm1(x.v);
  return {v, x.e + kFunctionError * (v + x.e) + kTiny};
}

inline Bounded root(Bounded x) {
  const double v = std::sqrt(x.v);
  return rounded({v, v - std::sqrt(std::max(x.v - x.e, 0.0))});
}

// a / b for |b| > e.
inline Bounded operator/(Bounded a, Bounded b) {
  const double v = a.v / b.v;
  return rounded({v, (a.e + std::abs(v) * b.e) / (std::abs(b.v) - b.e)});
}

// 1 / sqrt(x) for x > e.
inline Bounded inverse_root(Bounded x) {
  const double v = 1 / std::sqrt(x.v);
  return rounded(rounded({v, 1 / std::sqrt(std::max(x.v - x.e, 1e-300)) - v}));
}

}  // namespace eddy::reference
