// The ops of RWKV in plain nested loops, one token of one sequence at a time, with bounds, as
// ops_reference.h has the others.
#pragma once

#include "reference/ops_reference.h"

namespace eddy::reference {

inline Row part(const Row& x, std::size_t first, std::size_t count) {
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
  return Row(begin, begin + static_cast<std::ptrdiff_t>(count));
}
inline Reals part(const Reals& x, std::size_t first, std::size_t count) {
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(first);
  return Reals(begin, begin + static_cast<std::ptrdiff_t>(count));
}

// lerp {n, n_out}; before {n}, the last input, updated. The vectors in turn, then delta.
inline Row token_shift(const Row& x, const Reals& lerp, StateType type, Row& before) {
  Row out, delta;
  for (std::size_t i = 0; i < x.size(); ++i) delta.push_back(before[i] - x[i]);
  for (std::size_t i = 0; i < lerp.size(); ++i) {
    out.push_back(x[i % x.size()] + delta[i % x.size()] * exact(lerp[i]));
  }
  out.insert(out.end(), delta.begin(), delta.end());
  for (std::size_t i = 0; i < x.size(); ++i) before[i] = stored(x[i], type);
  return out;
}

// lerp, mix {n, n_out}
inline Row ddlerp(const Row& x, const Row& delta, const Reals& lerp, const Row& mix) {
  Row out;
  for (std::size_t i = 0; i < lerp.size(); ++i) {
    out.push_back(x[i % x.size()] + delta[i % x.size()] * (exact(lerp[i]) + mix[i]));
  }
  return out;
}

inline Row wkv6_decay(const Row& x, const Reals& bias) {
  Row w;
  for (std::size_t i = 0; i < x.size(); ++i) w.push_back(exp(-exp(exact(bias[i]) + x[i])));
  return w;
}

// k {head_size, n_head_kv}
inline Row gla_keys(const Row& w, const Row& k, std::size_t head_size) {
  const std::size_t n_shared = w.size() / k.size();
  Row out;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::size_t head = i / head_size / n_shared;
    const Bounded from = k[head * head_size + i % head_size];
    out.push_back(from - from * w[i]);
  }
  return out;
}

struct WkvToken {
  Row r, w, k, v, a, b;  // a and b for wkv7
};

// u and with it the old state, or none and the new one; state {value, key, head}, updated.
inline Row wkv6(const WkvToken& in, const Reals& u, double scale, std::size_t size, StateType type,
                Row& state) {
  const std::size_t n_shared = in.r.size() / in.v.size();
  Row out;
  for (std::size_t h = 0; h < in.r.size() / size; ++h) {
    for (std::size_t j = 0; j < size; ++j) {
      const Bounded v = in.v[h / n_shared * size + j];
      Row r, seen;  // r[i] next to what it reads: r[i] * (u k v + s) is two products
      for (std::size_t key = h * size; key < (h + 1) * size; ++key) {
        Bounded& s = state[key * size + j];
        const Bounded old = s;
        s = stored(in.w[key] * s + in.k[key] * v, type);
        r.push_back(in.r[key]);
        seen.push_back(u.empty() ? s : old);
        if (u.empty()) continue;
        r.push_back(in.r[key]);
        seen.push_back(exact(u[key]) * in.k[key] * v);
      }
      out.push_back(exact(scale) * dot(r, seen));
    }
  }
  return out;
}

struct Wkv7Weights {
  Reals w_bias, a_bias, v_bias, k_k, k_a;
};
struct Wkv7Raw {
  Row w, k, v, a, v_first, v_mix;
};

// w, k, v, a, b in turn.
inline Row wkv7_prepare(const Wkv7Raw& in, const Wkv7Weights& weights, std::size_t size,
                        bool has_v_first) {
  const std::size_t n = in.w.size();
  Row w, k, v, a, b;
  for (std::size_t i = 0; i < n; ++i) {
    w.push_back(exp(exact(-0.606531) * sigmoid(exact(weights.w_bias[i]) + in.w[i])));
    const Bounded rate = sigmoid(exact(weights.a_bias[i]) + in.a[i]);
    k.push_back(in.k[i] + (rate - exact(1)) * (in.k[i] * exact(weights.k_a[i])));
    Row head;
    for (std::size_t j = i / size * size; j < (i / size + 1) * size; ++j) {
      head.push_back(in.k[j] * exact(weights.k_k[j]));
    }
    const Bounded squares = dot(head, head);
    const Bounded inverse =
        std::sqrt(squares.v) < 1e-12 ? rounded(exact(1e12), 4 * kU) : inverse_root(squares);
    a.push_back(-(head[i % size] * inverse));
    b.push_back(-a.back() * rate);
    const Bounded share = sigmoid(exact(weights.v_bias[i]) + in.v_mix[i]);
    v.push_back(has_v_first ? in.v[i] + (in.v_first[i] - in.v[i]) * share : in.v[i]);
  }
  for (const Row& more : {k, v, a, b}) w.insert(w.end(), more.begin(), more.end());
  return w;
}

// state {key, value, head}, updated.
inline Row wkv7(const WkvToken& in, std::size_t size, StateType type, Row& state) {
  Row out;
  for (std::size_t h = 0; h < in.r.size() / size; ++h) {
    const std::size_t first = h * size;
    for (std::size_t i = 0; i < size; ++i) {
      Bounded* s = &state[(first + i) * size];
      const Bounded sa = dot(part(in.a, first, size), Row(s, s + size));
      for (std::size_t j = 0; j < size; ++j) {
        s[j] = stored(
            s[j] * in.w[first + j] + in.v[first + i] * in.k[first + j] + sa * in.b[first + j],
            type);
      }
      out.push_back(dot(Row(s, s + size), part(in.r, first, size)));
    }
  }
  return out;
}

struct WkvOutputWeights {
  Reals weight, bias, r_k;  // empty: no norm, no bonus
};
struct WkvOutputToken {
  Row x, r, k, v, gate;  // gate: already f(gate); empty: none
};

inline Row wkv_output(const WkvOutputToken& in, const WkvOutputWeights& weights, std::size_t size,
                      double eps) {
  Row out;
  for (std::size_t first = 0; first < in.x.size(); first += size) {
    Row y = part(in.x, first, size);
    if (!weights.weight.empty()) {
      y = layer_norm(y, part(weights.weight, first, size), part(weights.bias, first, size), eps);
    }
    Row kr;
    Row r_k;
    for (std::size_t i = first; !weights.r_k.empty() && i < first + size; ++i) {
      kr.push_back(in.k[i] * in.r[i]);
      r_k.push_back(exact(weights.r_k[i]));
    }
    const Bounded bonus = dot(kr, r_k);
    for (std::size_t i = 0; i < size; ++i) {
      if (!weights.r_k.empty()) y[i] = y[i] + in.v[first + i] * bonus;
      out.push_back(in.gate.empty() ? y[i] : y[i] * in.gate[first + i]);
    }
  }
  return out;
}

}  // namespace eddy::reference
