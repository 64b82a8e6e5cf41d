#include "make_model/rwkv7_time_mix.h"

#include "make_model/common.h"

namespace eddy::make_model {

void add_rwkv7_keys(Plan& plan, const std::string& architecture, const Rwkv7TimeMixShape& s) {
  plan.add(architecture + ".wkv.head_size", u32(s.head_size));
  const std::string attention = architecture + ".attention.";
  plan.add(attention + "decay_lora_rank", u32(s.decay_rank));
  plan.add(attention + "iclr_lora_rank", u32(s.rate_rank));
  plan.add(attention + "value_residual_mix_lora_rank", u32(s.value_rank));
  plan.add(attention + "gate_lora_rank", u32(s.gate_rank));
}

// Decays between 0.6 and 0.998 a token, rates between 0.1 and 0.8; products of unit size.
void add_rwkv7_time_mix(Plan& plan, const Rwkv7TimeMixShape& s, std::int64_t il, DType type) {
  const std::string mix = "blk." + std::to_string(il) + ".time_mix_";
  const std::int64_t n = s.n_embd;
  const std::int64_t n_lerp = s.gate_rank > 0 ? 6 : 5;
  plan.add_small(mix + "lerp_fused.weight", {n, 1, 1, n_lerp}, uniform(0, 1));
  for (const char* name : {"receptance", "key", "value"}) {
    plan.add_matrix(mix + name + ".weight", n, n, gain(n), type);
  }
  plan.add_matrix(mix + "output.weight", n, n, gain(n), type);

  plan.add_small(mix + "w0.weight", {n}, uniform(-6, 1));
  plan.add_small(mix + "w1.weight", {n, s.decay_rank}, normal(gain(n)));
  plan.add_small(mix + "w2.weight", {s.decay_rank, n}, normal(gain(s.decay_rank)));
  // The first layer has no values of an earlier one to mix in: its v0 .. v2 are copies of a0 .. a2.
  const auto add_lora = [&](const std::string& name, std::int64_t rank) {
    plan.add_small(mix + name + "0.weight", {n}, uniform(-1.5, 1));
    plan.add_matrix(mix + name + "1.weight", n, rank, gain(n), type);
    plan.add_matrix(mix + name + "2.weight", rank, n, 0.5 * gain(rank), type);
  };
  add_lora("a", s.rate_rank);
  add_lora("v", il == 0 ? s.rate_rank : s.value_rank);
  if (s.gate_rank > 0) {
    plan.add_matrix(mix + "g1.weight", n, s.gate_rank, gain(n), type);
    plan.add_matrix(mix + "g2.weight", s.gate_rank, n, 2 * gain(s.gate_rank), type);
  }
  plan.add_small(mix + "k_k.weight", {n}, uniform(0.6, 1));
  plan.add_small(mix + "k_a.weight", {n}, uniform(0.5, 1.1));
  plan.add_small(mix + "r_k.weight", {n}, normal(0.2));
  if (!s.has_norm) return;
  plan.add_small(mix + "ln.weight", {n}, uniform(0.5, 1.5));
  plan.add_small(mix + "ln.bias", {n}, uniform(-0.1, 0.1));
}

}  // namespace eddy::make_model
