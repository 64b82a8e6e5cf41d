#include "reference/rwkv7_time_mix.h"

#include <algorithm>
#include <cmath>

namespace eddy::reference {

Rwkv7TimeMix::Rwkv7TimeMix(const GgufFile& file, const std::string& blk, std::size_t head_size,
                           bool is_first)
    : head_size_(head_size), is_first_(is_first) {
  const auto read = [&](const char* name) { return read_tensor(file, blk + "time_mix_" + name); };
  lerp_ = read("lerp_fused.weight");
  r_ = read("receptance.weight");
  k_ = read("key.weight");
  v_ = read("value.weight");
  out_ = read("output.weight");
  w0_ = read("w0.weight"), w1_ = read("w1.weight"), w2_ = read("w2.weight");
  a0_ = read("a0.weight"), a1_ = read("a1.weight"), a2_ = read("a2.weight");
  v0_ = read("v0.weight"), v1_ = read("v1.weight"), v2_ = read("v2.weight");
  g1_ = read("g1.weight"), g2_ = read("g2.weight");
  k_k_ = read("k_k.weight"), k_a_ = read("k_a.weight"), r_k_ = read("r_k.weight");
  ln_ = read("ln.weight"), ln_bias_ = read("ln.bias");
}

Rwkv7TimeMix::State Rwkv7TimeMix::new_state(const Vector& initial) const {
  const std::size_t n = w0_.v.size();
  return {Vector(n), initial.empty() ? Vector(n * head_size_) : initial};
}

Vector Rwkv7TimeMix::compute(const Vector& normed, State& state, Vector& v_first,
                             Noise& noise) const {
  const std::size_t n = normed.size();
  const Vector delta = token_shift(normed, state.before, noise);
  const auto mixed = [&](std::size_t c) {  // r, w, k, v, a, g
    return lerp(normed, delta, slice(lerp_.v, c * n, n), noise);
  };
  const Vector r = linear(r_, mixed(0), noise);
  Vector w = sigmoid(lora(w1_, w2_, Between::kTanh, mixed(1), noise), w0_.v, noise);
  for (double& v : w) v = noise.rounded(std::exp(-0.606531 * v), 5, 1);
  Vector k = linear(k_, mixed(2), noise);
  const Vector x_v = mixed(3);
  Vector v = linear(v_, x_v, noise);
  const Vector a = sigmoid(lora(a1_, a2_, Between::kNothing, mixed(4), noise), a0_.v, noise);
  if (is_first_) {
    v_first = v;
  } else {
    const Vector share = sigmoid(lora(v1_, v2_, Between::kNothing, x_v, noise), v0_.v, noise);
    for (std::size_t i = 0; i < n; ++i) {
      const double mixed_v = v[i] + (v_first[i] - v[i]) * share[i];
      v[i] = noise.rounded(mixed_v, 3, std::abs(v[i]) + std::abs(v_first[i]));
    }
  }
  const Vector g = g1_.v.empty() ? Vector() : lora(g1_, g2_, Between::kSigmoid, mixed(5), noise);

  Vector minus_kk(n), kk_a(n);
  for (std::size_t head = 0; head < n; head += head_size_) {
    double squares = 0;
    for (std::size_t i = head; i < head + head_size_; ++i) {
      squares += k[i] * k_k_.v[i] * k[i] * k_k_.v[i];
    }
    const double length = std::max(std::sqrt(squares), 1e-12);
    for (std::size_t i = head; i < head + head_size_; ++i) {
      const double kk = k[i] * k_k_.v[i] / length;
      minus_kk[i] = noise.rounded(-kk, static_cast<double>(head_size_) / 32 + 8, std::abs(kk));
      kk_a[i] = noise.rounded(-minus_kk[i] * a[i], 1, std::abs(kk * a[i]));
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    k[i] = noise.rounded(k[i] * (1 + (a[i] - 1) * k_a_.v[i]), 3, 2 * std::abs(k[i]));
  }
  const Vector y =
      wkv7({.r = r, .w = w, .k = k, .v = v, .a = minus_kk, .b = kk_a, .head_size = head_size_},
           state.s, noise);

  Vector bonus(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t head = i / head_size_ * head_size_;
    double sum = 0, magnitude = 0;
    for (std::size_t j = head; j < head + head_size_; ++j) {
      sum += k[j] * r[j] * r_k_.v[j];
      magnitude += std::abs(k[j] * r[j] * r_k_.v[j]);
    }
    const double n_roundings = static_cast<double>(head_size_) / 16 + 8;
    bonus[i] = noise.rounded(v[i] * sum, n_roundings, std::abs(v[i]) * magnitude);
  }
  return out_of(y, bonus, g, noise);
}

Vector Rwkv7TimeMix::out_of(const Vector& y, const Vector& bonus, const Vector& g,
                            Noise& noise) const {
  Vector out = ln_.v.empty() ? y : group_norm(y, ln_.v, ln_bias_.v, head_size_, noise);
  add(out, bonus, noise);
  if (!g.empty()) out = times(out, g, noise);
  return linear(out_, out, noise);
}

}  // namespace eddy::reference
