#include "models/rwkv7_time_mix.h"

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/rwkv_heads.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {

Rwkv7Shape::Rwkv7Shape(Loader& load)
    : n_embd(load.info().n_embd),
      head_size(load_head_size(load)),
      decay_rank(load.integer("attention.decay_lora_rank")),
      rate_rank(load.integer("attention.iclr_lora_rank")),
      value_rank(load.integer("attention.value_residual_mix_lora_rank")),
      gate_rank(load.integer_or("attention.gate_lora_rank", 0, {.least = 0})) {}

Rwkv7TimeMix::Rwkv7TimeMix(const Loader::Layer& load, const Rwkv7Shape& shape, bool is_first,
                           bool is_hybrid)
    : is_first_(is_first),
      has_gate_(!is_hybrid || load.has("time_mix_g1.weight")),
      head_size_(shape.head_size) {
  const std::int64_t n = shape.n_embd;
  const auto vector = [&](const char* name) { return load.small(name, {n}); };
  const auto square = [&](const char* name) { return load.matrix(name, n, n); };
  const auto lora = [&](const char* down, const char* up, std::int64_t rank) -> Lora {
    return {load.matrix(down, n, rank), load.matrix(up, rank, n)};
  };
  lerp_ = load.small("time_mix_lerp_fused.weight", {n, 1, 1, has_gate_ ? 6 : 5});
  r_ = square("time_mix_receptance.weight");
  k_ = square("time_mix_key.weight");
  v_ = square("time_mix_value.weight");
  out_ = square("time_mix_output.weight");
  w_bias_ = vector("time_mix_w0.weight");
  decay_ = lora("time_mix_w1.weight", "time_mix_w2.weight", shape.decay_rank);
  a_bias_ = vector("time_mix_a0.weight");
  rate_ = lora("time_mix_a1.weight", "time_mix_a2.weight", shape.rate_rank);
  if (is_first) {  // converters write copies of a0, a1, a2 there
    load.unused("time_mix_v0.weight", {n});
    load.unused("time_mix_v1.weight", {n, shape.rate_rank});
    load.unused("time_mix_v2.weight", {shape.rate_rank, n});
  } else {
    v_bias_ = vector("time_mix_v0.weight");
    value_ = lora("time_mix_v1.weight", "time_mix_v2.weight", shape.value_rank);
  }
  if (has_gate_) gate_ = lora("time_mix_g1.weight", "time_mix_g2.weight", shape.gate_rank);
  k_k_ = vector("time_mix_k_k.weight");
  k_a_ = vector("time_mix_k_a.weight");
  r_k_ = vector("time_mix_r_k.weight");
  if (!is_hybrid || load.has("time_mix_ln.weight")) {
    norm_ = vector("time_mix_ln.weight");
    norm_bias_ = vector("time_mix_ln.bias");
  }
}

StateLayout::Layer Rwkv7TimeMix::state(const Rwkv7Shape& shape, std::int64_t n_shift) {
  const std::int64_t n_head = shape.n_embd / shape.head_size;
  const auto n_s = static_cast<std::uint64_t>(n_shift * shape.n_embd);
  return {.r_elems = wkv_state_elems(n_head, shape.head_size),
          .s_elems = n_s,
          .r_log_elems = wkv7_log_elems(n_head, shape.head_size),
          .s_log_elems = n_s};
}

Status Rwkv7TimeMix::add(const Forward& pass, LayerId il, ConstMat normed, Mat v_first,
                         Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const std::int64_t n = x.n;
  Scratch::Scope scope(scratch);

  const Mat mixed = scratch.mat(has_gate_ ? 6 * n : 5 * n, x.n_tokens);  // {6C, T}
  EDDY_TRY(ops.token_shift({.x = normed,
                            .lerp = lerp_,
                            .lanes = context.lanes(),
                            .state = context.get_s_l(il),
                            .out = mixed}));
  const Mat r = scratch.mat(n, x.n_tokens), w = scratch.mat(n, x.n_tokens);  // {C, T}
  const Mat k = scratch.mat(n, x.n_tokens), a = scratch.mat(n, x.n_tokens);  // {C, T}
  const Mat b = scratch.mat(n, x.n_tokens);                                  // {C, T}
  const Mat v = is_first_ ? v_first : scratch.mat(n, x.n_tokens);            // {C, T}
  EDDY_TRY(ops.linear({.weight = r_, .x = mixed.part(0, n), .out = r}));
  EDDY_TRY(decay_.apply(pass, Activation::kTanh, mixed.part(n, n), w));
  EDDY_TRY(ops.linear({.weight = k_, .x = mixed.part(2 * n, n), .out = k}));
  EDDY_TRY(ops.linear({.weight = v_, .x = mixed.part(3 * n, n), .out = v}));
  EDDY_TRY(rate_.apply(pass, Activation::kIdentity, mixed.part(4 * n, n), a));
  Mat v_mix, gate;
  if (!is_first_) {
    v_mix = scratch.mat(n, x.n_tokens);  // {C, T}
    EDDY_TRY(value_.apply(pass, Activation::kIdentity, mixed.part(3 * n, n), v_mix));
  }
  if (has_gate_) {
    gate = scratch.mat(n, x.n_tokens);  // {C, T}
    EDDY_TRY(gate_.apply(pass, Activation::kSigmoid, mixed.part(5 * n, n), gate));
  }

  EDDY_TRY(ops.wkv7_prepare({.w_bias = w_bias_,
                             .a_bias = a_bias_,
                             .v_bias = v_bias_,
                             .k_k = k_k_,
                             .k_a = k_a_,
                             .head_size = head_size_,
                             .v_first = is_first_ ? ConstMat() : v_first,
                             .v_mix = v_mix,
                             .w = w,
                             .k = k,
                             .v = v,
                             .a = a,
                             .b = b}));
  const Mat y = mixed.part(0, n);  // {C, T}
  EDDY_TRY(ops.wkv7({.r = r,
                     .w = w,
                     .k = k,
                     .v = v,
                     .a = a,
                     .b = b,
                     .head_size = head_size_,
                     .lanes = context.lanes(),
                     .state = context.get_r_l(il),
                     .out = y}));
  EDDY_TRY(ops.wkv_output({.x = y,
                           .weight = norm_,
                           .bias = norm_bias_,
                           .r_k = r_k_,
                           .r = r,
                           .k = k,
                           .v = v,
                           .gate = gate,
                           .head_size = head_size_,
                           .eps = kHeadNormEps,
                           .out = y}));
  return ops.linear({.weight = out_, .x = y, .out = x, .accumulate = true});
}

}  // namespace eddy
