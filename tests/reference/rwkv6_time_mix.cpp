#include "reference/rwkv6_time_mix.h"

#include <cmath>

namespace eddy::reference {

Rwkv6TimeMix::Rwkv6TimeMix(const GgufFile& file, const std::string& blk, std::size_t head_size)
    : head_size_(head_size) {
  const std::string mix = blk + "time_mix_";
  const auto read = [&](const char* name) { return read_tensor(file, mix + name); };
  lerp_x_ = read("lerp_x.weight");
  lerp_ = read("lerp_fused.weight");
  if (lerp_.v.empty()) {
    for (const char* name : {"lerp_w", "lerp_k", "lerp_v", "lerp_r", "lerp_g"}) {
      const Tensor one = read((std::string(name) + ".weight").c_str());
      lerp_.v.insert(lerp_.v.end(), one.v.begin(), one.v.end());
    }
  }
  w1_ = read("w1.weight"), w2_ = read("w2.weight");
  decay_ = read("decay.weight");
  decay_w1_ = read("decay_w1.weight"), decay_w2_ = read("decay_w2.weight");
  u_ = read("first.weight");
  ln_ = read("ln.weight"), ln_bias_ = read("ln.bias");
  r_ = read_projection(file, mix + "receptance");
  k_ = read_projection(file, mix + "key");
  v_ = read_projection(file, mix + "value");
  g_ = read_projection(file, mix + "gate");
  out_ = read_projection(file, mix + "output");
  n_embd_ = decay_.v.size();
}

Rwkv6TimeMix::State Rwkv6TimeMix::new_state(const Vector& initial) const {
  State state = {Vector(n_embd_), Vector(n_embd_ * head_size_)};
  for (std::size_t i = 0; i < initial.size(); ++i) {
    const std::size_t head = i / (head_size_ * head_size_);
    const std::size_t value = i / head_size_ % head_size_, key = i % head_size_;
    state.s[(head * head_size_ + key) * head_size_ + value] = initial[i];
  }
  return state;
}

Rwkv6TimeMix::Projection Rwkv6TimeMix::read_projection(const GgufFile& file,
                                                       const std::string& name) {
  return {read_tensor(file, name + ".weight"), read_tensor(file, name + ".bias")};
}

Vector Rwkv6TimeMix::project(const Projection& w, const Vector& x, Noise& noise) {
  Vector y = linear(w.weight, x, noise);
  if (!w.bias.v.empty()) add(y, w.bias.v, noise);
  return y;
}

std::vector<Vector> Rwkv6TimeMix::mix(const Vector& normed, State& state, Noise& noise) const {
  const std::size_t n = n_embd_, rank = w1_.v.size() / n / 5;
  const Vector delta = token_shift(normed, state.before, noise);
  const Vector z = lerp(normed, delta, lerp_x_.v, noise);
  const Vector t = tanh(linear(w1_, z, noise), noise);
  std::vector<Vector> mixed;
  for (std::size_t c = 0; c < 5; ++c) {
    const auto extent = static_cast<std::int64_t>(rank);
    const Tensor up = {.ne = {extent, static_cast<std::int64_t>(n), 1, 1},
                       .v = slice(w2_.v, c * rank * n, rank * n),
                       .quantised = w2_.quantised};
    Vector share = linear(up, slice(t, c * rank, rank), noise);
    add(share, slice(lerp_.v, c * n, n), noise);
    mixed.push_back(lerp(normed, delta, share, noise));
  }
  return mixed;
}

Vector Rwkv6TimeMix::expanded(const Vector& x) const {
  const std::size_t n_times = n_embd_ / x.size();
  Vector out;
  for (std::size_t h = 0; h < n_embd_ / head_size_; ++h) {
    const Vector head = slice(x, h / n_times * head_size_, head_size_);
    out.insert(out.end(), head.begin(), head.end());
  }
  return out;
}

Vector Rwkv6TimeMix::compute(const Vector& normed, State& state, Noise& noise) const {
  const std::vector<Vector> mixed = mix(normed, state, noise);
  Vector k = expanded(project(k_, mixed[1], noise));
  const Vector v = expanded(project(v_, mixed[2], noise));
  const Vector r = project(r_, mixed[3], noise);
  const Vector gate = project(g_, mixed[4], noise);

  Vector w = lora(decay_w1_, decay_w2_, Between::kTanh, mixed[0], noise);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double d = noise.rounded(w[i] + decay_.v[i], 1, std::abs(w[i] + decay_.v[i]));
    const double speed = noise.rounded(std::exp(d), 4, std::exp(d));
    w[i] = noise.rounded(std::exp(-speed), 4, std::exp(-speed));
  }
  if (is_hybrid()) {
    for (std::size_t i = 0; i < k.size(); ++i) {
      k[i] = noise.rounded(k[i] - k[i] * w[i], 2, std::abs(k[i]));
    }
  }
  Vector y =
      wkv6({.r = r, .w = w, .k = k, .v = v, .u = u_.v, .head_size = head_size_}, state.s, noise);
  if (is_hybrid()) return linear(out_.weight, times(y, sigmoid(gate, {}, noise), noise), noise);
  y = group_norm(y, ln_.v, ln_bias_.v, head_size_, noise);
  gate_with(y, gate, noise);
  return linear(out_.weight, y, noise);
}

}  // namespace eddy::reference
