#include "reference/blocks.h"

#include <algorithm>
#include <cmath>

namespace eddy::reference {

double silu(double v) { return v / (1 + std::exp(-v)); }

double softplus(double v) { return v > 40 ? v : std::log1p(std::exp(v)); }

namespace {

// x as an int8 product sees it: by blocks of 32, each element off by at most half a step.
Vector quantised(const Vector& x, Noise& noise) {
  Vector result = x;
  for (std::size_t first = 0; first < x.size(); first += 32) {
    const std::size_t last = std::min(first + 32, x.size());
    double largest = 0;
    for (std::size_t i = first; i < last; ++i) largest = std::max(largest, std::abs(x[i]));
    // Half a step for the rounding of the element; and the scale is rounded to F16.
    for (std::size_t i = first; i < last; ++i) {
      result[i] += noise.draw() * largest / 127 / 2;
      result[i] += noise.draw() * std::abs(x[i]) * kUnitF16;
    }
  }
  return result;
}

}  // namespace

Vector slice(const Vector& x, std::size_t first, std::size_t count) {
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
  return Vector(begin, begin + static_cast<std::ptrdiff_t>(count));
}

void add(Vector& x, const Vector& y, Noise& noise) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = noise.rounded(x[i] + y[i], 1, std::abs(x[i] + y[i]));
  }
}

void gate_with(Vector& x, const Vector& gate, Noise& noise) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = noise.rounded(x[i] * silu(gate[i]), 7, std::abs(x[i] * silu(gate[i])));
  }
}

Vector linear(const Tensor& weight, const Vector& x, Noise& noise) {
  const auto n_in = static_cast<std::size_t>(weight.ne[0]);
  const auto n_out = static_cast<std::size_t>(weight.ne[1]);
  const Vector seen = weight.quantised && noise.quantised_x ? quantised(x, noise) : x;
  // Sixteen lanes add n_in / 16 products each, a tree of four levels adds the lanes.
  const double n_roundings = static_cast<double>(n_in) / 16 + 6;
  Vector out(n_out);
  for (std::size_t o = 0; o < n_out; ++o) {
    double sum = 0, magnitude = 0;
    for (std::size_t i = 0; i < n_in; ++i) {
      const double product = weight.v[o * n_in + i] * seen[i];
      sum += product;
      magnitude += std::abs(product);
    }
    out[o] = noise.rounded(sum, n_roundings, magnitude);
  }
  return out;
}

Vector rms_norm(const Vector& x, const Vector& weight, double eps, Noise& noise) {
  double sum = 0;
  for (const double v : x) sum += v * v;
  const double scale = 1 / std::sqrt(sum / static_cast<double>(x.size()) + eps);
  // Half of the error of the sum, then the root, the division and two products.
  const double n_roundings = static_cast<double>(x.size()) / 32 + 6;
  Vector out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i] * scale * (weight.empty() ? 1 : weight[i]);
    out[i] = noise.rounded(v, n_roundings, std::abs(v));
  }
  return out;
}

Vector short_conv(const Tensor& weight, const Tensor& bias, const Vector& x, Vector& window,
                  Noise& noise) {
  const std::size_t n = x.size();
  const auto d_conv = static_cast<std::size_t>(weight.ne[0]);
  std::copy(window.begin() + static_cast<std::ptrdiff_t>(n), window.end(), window.begin());
  for (std::size_t c = 0; c < n; ++c) {
    window[(d_conv - 1) * n + c] = x[c] * (1 + noise.draw() * noise.state_s);
  }
  Vector out(n);
  for (std::size_t c = 0; c < n; ++c) {
    double sum = bias.v[c], magnitude = std::abs(bias.v[c]);
    for (std::size_t k = 0; k < d_conv; ++k) {
      const double product = weight.v[c * d_conv + k] * window[k * n + c];
      sum += product;
      magnitude += std::abs(product);
    }
    const double v = noise.rounded(sum, static_cast<double>(d_conv) + 1, magnitude);
    out[c] = noise.rounded(silu(v), 6, std::abs(silu(v)));
  }
  return out;
}

Ends read_ends(const GgufFile& file) {
  Ends ends{.token_embd = read_tensor(file, "token_embd.weight"),
            .norm = read_tensor(file, "output_norm.weight"),
            .output = read_tensor(file, "output.weight")};
  if (ends.output.v.empty()) ends.output = ends.token_embd;
  return ends;
}

Vector embed(const Ends& ends, Token token) {
  const auto n_embd = static_cast<std::size_t>(ends.token_embd.ne[0]);
  return slice(ends.token_embd.v, static_cast<std::size_t>(token.value) * n_embd, n_embd);
}

Vector project(const Ends& ends, const Vector& x, Noise& noise) {
  return linear(ends.output, x, noise);
}

}  // namespace eddy::reference
