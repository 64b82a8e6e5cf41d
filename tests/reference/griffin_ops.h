// The ops of Griffin (De et al. 2024) and of attention in plain nested loops, with bounds; see
// ops_reference.h.
#pragma once

#include "reference/ops_reference.h"

namespace eddy::reference {

inline Row soft_cap(const Row& x, double cap) {
  Row out;
  for (const Bounded v : x) out.push_back(exact(cap) * tanh(v / exact(cap)));
  return out;
}

struct RgLruToken {
  Row x, gate_x, gate_a;
};
struct RgLruWeights {
  Reals bias_x, bias_a, decay;
};

// h {n}, updated; empty before the first token.
inline Row rg_lru(const RgLruToken& in, const RgLruWeights& w, StateType type, Row& h) {
  const bool is_first = h.empty();
  h.resize(in.x.size());
  for (std::size_t i = 0; i < h.size(); ++i) {
    const Bounded input = sigmoid(in.gate_x[i] + exact(w.bias_x[i])) * in.x[i];
    const Bounded log_a = sigmoid(in.gate_a[i] + exact(w.bias_a[i])) * exact(w.decay[i]);
    const Bounded scale = root(one_minus_exp(exact(2) * log_a));
    h[i] = stored(is_first ? input : exp(log_a) * h[i] + scale * input, type);
  }
  return h;
}

// frequency in radians for each position; pair number d is (first[d], second[d]) of the head.
inline void turn(Row& x, std::size_t a, std::size_t b, double angle, double angle_error) {
  const Bounded c = rounded({std::cos(angle), angle_error});
  const Bounded s = rounded({std::sin(angle), angle_error});
  const Bounded va = x[a], vb = x[b];
  x[a] = va * c + exact(-1) * vb * s;
  x[b] = va * s + vb * c;
}

// x as blocks of 32 integers up to 127 with one scale, a half, keep it.
inline Row stored_in_blocks(const Row& x) {
  Row out = x;
  for (std::size_t b = 0; b < x.size(); b += 32) {
    double largest = 0;
    for (std::size_t i = b; i < b + 32; ++i) largest = std::max(largest, std::abs(x[i].v));
    for (std::size_t i = b; i < b + 32; ++i) out[i].e += largest / 127 * (0.5 + 0x1p-11);
  }
  return out;
}

// Attention of one head: q {k_dim}, the keys and values of the positions that it sees.
struct AttentionHead {
  Row q;
  std::vector<Row> k, v;
  double scale = 1, cap = 0;
};

// The weights' rounding errors: of exp, and in each block of a rescaling by exp of a difference.
inline Row attention(const AttentionHead& head, std::size_t n_blocks) {
  Row s;
  double most = 0, largest = -1e300;
  for (const Row& k : head.k) {
    Bounded score = dot(head.q, k) * exact(head.scale);
    if (head.cap > 0) score = exact(head.cap) * tanh(score / exact(head.cap));
    s.push_back(score);
    most = std::max(most, std::abs(score.v));
    largest = std::max(largest, score.v);
  }
  Row p;
  for (const Bounded score : s) {
    Bounded e = exp(score + exact(-largest));
    e.e += e.v * static_cast<double>(n_blocks) * (kFunctionError + 2 * kU + 2 * kU * most);
    p.push_back(e);
  }
  const Bounded sum = dot(p, Row(p.size(), exact(1)));
  Row out;
  for (std::size_t d = 0; d < head.v[0].size(); ++d) {
    Row column;
    for (const Row& v : head.v) column.push_back(v[d]);
    out.push_back(dot(p, column) / sum);
  }
  return out;
}

}  // namespace eddy::reference
