#include "make_model/rwkv6_time_mix.h"

#include "make_model/common.h"

namespace eddy::make_model {
namespace {

void add_lerps(Plan& plan, const Rwkv6TimeMixShape& s, const std::string& mix, DType type) {
  const std::int64_t n = s.n_embd;
  plan.add_small(mix + "lerp_x.weight", {n, 1, 1}, uniform(0, 1));
  if (s.has_old_lerps) {
    for (const char c : {'w', 'k', 'v', 'r', 'g'}) {
      plan.add_small(mix + "lerp_" + c + ".weight", {n, 1, 1}, uniform(0, 1));
    }
  } else {
    plan.add_small(mix + "lerp_fused.weight", {n, 1, 1, 5}, uniform(0, 1));
  }
  plan.add_small(mix + "w1.weight", {n, 5 * s.lerp_rank}, normal(gain(n)));
  plan.add_small(mix + "w2.weight", {s.lerp_rank, n, 5}, normal(0.5 * gain(s.lerp_rank)));
  if (!s.has_typed_lerp) return;
  plan.tensors[plan.tensors.size() - 2].type = type;
  plan.tensors.back().type = type;
}

}  // namespace

void add_rwkv6_keys(Plan& plan, const std::string& architecture, const Rwkv6TimeMixShape& s) {
  plan.add(architecture + ".wkv.head_size", u32(s.head_size));
  plan.add(architecture + ".time_mix_extra_dim", u32(s.lerp_rank));
  plan.add(architecture + ".time_decay_extra_dim", u32(s.decay_rank));
}

// Decays between 0.4 and 0.998 a token; products of unit size.
void add_rwkv6_time_mix(Plan& plan, const Rwkv6TimeMixShape& s, std::int64_t il, DType type) {
  const std::string mix = "blk." + std::to_string(il) + ".time_mix_";
  const std::int64_t n = s.n_embd, n_kv = s.n_head_kv > 0 ? s.n_head_kv * s.head_size : n;
  add_lerps(plan, s, mix, type);
  plan.add_small(mix + "decay.weight", {n}, uniform(-6, -0.5));
  plan.add_small(mix + "decay_w1.weight", {n, s.decay_rank}, normal(gain(n)));
  plan.add_small(mix + "decay_w2.weight", {s.decay_rank, n}, normal(0.5 * gain(s.decay_rank)));
  const auto add_projection = [&](const std::string& name, std::int64_t n_out) {
    plan.add_matrix(mix + name + ".weight", n, n_out, gain(n), type);
    if (s.has_biases) plan.add_small(mix + name + ".bias", {n_out}, uniform(-0.5, 0.5));
  };
  add_projection("receptance", n);
  add_projection("key", n_kv);
  add_projection("value", n_kv);
  plan.add_matrix(mix + "gate.weight", n, n, gain(n), type);
  plan.add_matrix(mix + "output.weight", n, n, gain(n), type);
  if (s.is_hybrid) return;
  plan.add_small(mix + "first.weight", {s.head_size, n / s.head_size}, normal(0.5));
  plan.add_small(mix + "ln.weight", {n}, uniform(0.5, 1.5));
  plan.add_small(mix + "ln.bias", {n}, uniform(-0.1, 0.1));
}

}  // namespace eddy::make_model
