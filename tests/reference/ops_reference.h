// Every op in plain nested loops, one token of one sequence at a time, with bounds (bounded.h).
// Formulas are those of src/tensor/ops.h; state lies in its natural order, index by index.
#pragma once

#include <cstddef>
#include <vector>

#include "reference/bounded.h"

namespace eddy::reference {

using Row = std::vector<Bounded>;
using Reals = std::vector<double>;

// The unit roundoff of the element type of a state: 2^-24, 2^-11 or 2^-8.
struct StateType {
  double u;
  double tiny;  // half the distance of its denormals
};
inline constexpr StateType kStateF32 = {0, 0};  // what F32 computes is kept as it is
inline constexpr StateType kStateF16 = {0x1p-11, 0x1p-25};
inline constexpr StateType kStateBF16 = {0x1p-8, 0x1p-134};

inline Bounded stored(Bounded x, StateType type) {
  return {x.v, x.e + type.u * (std::abs(x.v) + x.e) + type.tiny};
}

inline Row linear(const Reals& weight, std::size_t n_out, const Row& x) {
  Row out;
  for (std::size_t o = 0; o < n_out; ++o) {
    Row w;
    for (std::size_t i = 0; i < x.size(); ++i) w.push_back(exact(weight[o * x.size() + i]));
    out.push_back(dot(w, x));
  }
  return out;
}

// weight = scaled - lows, added up apart, as products with quantised weights do.
inline Row linear_blocks(const Reals& scaled, const Reals& lows, std::size_t n_out, const Row& x) {
  Row out, twice = x;
  twice.insert(twice.end(), x.begin(), x.end());
  for (std::size_t o = 0; o < n_out; ++o) {
    Row w;
    for (std::size_t i = 0; i < x.size(); ++i) w.push_back(exact(scaled[o * x.size() + i]));
    for (std::size_t i = 0; i < x.size(); ++i) w.push_back(exact(-lows[o * x.size() + i]));
    out.push_back(dot(w, twice));
  }
  return out;
}

// x with the error of int8 blocks of 32: half a step of 1/127 of the block's largest element.
inline Row quantised(const Row& x) {
  Row out = x;
  for (std::size_t b = 0; b < x.size(); b += 32) {
    double largest = 0;
    for (std::size_t i = b; i < b + 32; ++i) largest = std::max(largest, std::abs(x[i].v));
    for (std::size_t i = b; i < b + 32; ++i) out[i].e += largest / 127 * (0.5 + 256 * kU);
  }
  return out;
}

// bias may be empty.
inline Row rms_norm(const Row& x, const Reals& weight, std::size_t group_size, double eps,
                    const Reals& bias = {}) {
  Row out;
  for (std::size_t first = 0; first < x.size(); first += group_size) {
    const Row group(x.begin() + static_cast<std::ptrdiff_t>(first),
                    x.begin() + static_cast<std::ptrdiff_t>(first + group_size));
    const Bounded sum = dot(group, group);
    const double n = static_cast<double>(group_size);
    const Bounded mean = rounded({sum.v / n, sum.e / n});
    const Bounded scale = inverse_root(mean + exact(eps));
    for (std::size_t i = 0; i < group_size; ++i) {
      const Bounded v = group[i] * scale;
      out.push_back(weight.empty() ? v : v * exact(weight[first + i]));
      if (!bias.empty()) out.back() = out.back() + exact(bias[first + i]);
    }
  }
  return out;
}

inline Row layer_norm(const Row& x, const Reals& weight, const Reals& bias, double eps) {
  const double n = static_cast<double>(x.size());
  const Bounded sum = dot(x, Row(x.size(), exact(1)));
  const Bounded mean = rounded({sum.v / n, sum.e / n});
  Row away;
  for (const Bounded v : x) away.push_back(v - mean);
  const Bounded squares = dot(away, away);
  const Bounded scale = inverse_root(rounded({squares.v / n, squares.e / n}) + exact(eps));
  Row out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    out.push_back(away[i] * scale * exact(weight[i]) + exact(bias[i]));
  }
  return out;
}

inline Row gated_rms_norm(const Row& x, const Row& gate, const Reals& weight,
                          std::size_t group_size, double eps) {
  Row v;
  for (std::size_t i = 0; i < x.size(); ++i) v.push_back(silu(gate[i]) * x[i]);
  return rms_norm(v, weight, group_size, eps);
}

// Before the activation. weight {n_channels, d_conv}; past {n_channels, d_conv - 1}, the oldest
// input first, updated.
inline Row short_conv(const Row& x, const Reals& weight, const Reals& bias, std::size_t d_conv,
                      StateType type, Row& past) {
  const std::size_t n = x.size();
  for (const Bounded v : x) past.push_back(stored(v, type));
  Row out;
  for (std::size_t c = 0; c < n; ++c) {
    Row w = {exact(1)}, v = {exact(bias[c])};
    for (std::size_t k = 0; k < d_conv; ++k) {
      w.push_back(exact(weight[k * n + c]));
      v.push_back(past[k * n + c]);
    }
    out.push_back(dot(w, v));
  }
  past.erase(past.begin(), past.begin() + static_cast<std::ptrdiff_t>(n));
  return out;
}

// The inputs of one token.
struct SelectiveScanToken {
  Row x, dt, b, c, gate;
};
struct SelectiveScanWeights {
  Reals dt_bias, a, skip;  // a {d_inner, d_state}
};

// state {d_inner, d_state}, updated.
inline Row selective_scan(const SelectiveScanToken& in, const SelectiveScanWeights& w,
                          StateType type, Row& state) {
  const std::size_t d_inner = in.x.size(), d_state = in.b.size();
  Row out;
  for (std::size_t c = 0; c < d_inner; ++c) {
    const Bounded d = softplus(in.dt[c] + exact(w.dt_bias[c]));
    Row s = {in.x[c]}, weights = {exact(w.skip[c])};
    for (std::size_t n = 0; n < d_state; ++n) {
      Bounded& cell = state[n * d_inner + c];
      cell = stored(exp(d * exact(w.a[n * d_inner + c])) * cell + d * in.x[c] * in.b[n], type);
      s.push_back(cell);
      weights.push_back(in.c[n]);
    }
    out.push_back(silu(in.gate[c]) * dot(s, weights));
  }
  return out;
}

struct SsdScanToken {
  Row x, dt, b, c;
};
struct SsdScanWeights {
  Reals dt_bias, a, skip;  // n_head
};

// b, c {d_state, n_group}; state {d_state, head_dim, n_head}, updated.
inline Row ssd_scan(const SsdScanToken& in, const SsdScanWeights& w, std::size_t n_group,
                    StateType type, Row& state) {
  const std::size_t n_head = w.a.size(), head_dim = in.x.size() / n_head;
  const std::size_t d_state = in.b.size() / n_group;
  Row out;
  for (std::size_t h = 0; h < n_head; ++h) {
    const std::size_t g = h / (n_head / n_group);
    const Bounded d = softplus(in.dt[h] + exact(w.dt_bias[h]));
    const Bounded decay = exp(d * exact(w.a[h]));
    for (std::size_t p = h * head_dim; p < (h + 1) * head_dim; ++p) {
      Row s = {in.x[p]}, weights = {exact(w.skip[h])};
      for (std::size_t n = 0; n < d_state; ++n) {
        Bounded& cell = state[p * d_state + n];
        cell = stored(decay * cell + d * in.x[p] * in.b[g * d_state + n], type);
        s.push_back(cell);
        weights.push_back(in.c[g * d_state + n]);
      }
      out.push_back(dot(s, weights));
    }
  }
  return out;
}

}  // namespace eddy::reference
