#include "models/rwkv6_time_mix.h"

#include <cmath>

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/rwkv_heads.h"
#include "models/scratch.h"

namespace eddy {

Rwkv6Shape::Rwkv6Shape(Loader& load)
    : n_embd(load.info().n_embd),
      head_size(load_head_size(load)),
      lerp_rank(load.integer("time_mix_extra_dim")),
      decay_rank(load.integer("time_decay_extra_dim")),
      n_head_kv(n_embd / head_size) {}

Rwkv6TimeMix::Rwkv6TimeMix(const Loader::Layer& load, const Rwkv6Shape& shape)
    : is_hybrid_(shape.is_hybrid), head_size_(shape.head_size) {
  const std::int64_t n = shape.n_embd, n_kv = shape.n_head_kv * head_size_;
  const auto projection = [&](const std::string& name, std::int64_t n_out) {
    const bool has_bias = is_hybrid_ && load.has(name + ".bias");
    return load_dense(load, name, n, n_out, has_bias ? Bias::kIsThere : Bias::kNone);
  };
  load_lerps(load, shape);
  decay_bias_ = load.small("time_mix_decay.weight", {n});
  decay_ = {load.matrix("time_mix_decay_w1.weight", n, shape.decay_rank),
            load.matrix("time_mix_decay_w2.weight", shape.decay_rank, n)};
  r_ = projection("time_mix_receptance", n);
  k_ = projection("time_mix_key", n_kv);
  v_ = projection("time_mix_value", n_kv);
  gate_ = load.matrix("time_mix_gate.weight", n, n);
  out_ = load.matrix("time_mix_output.weight", n, n);
  if (is_hybrid_) return;
  u_ = load.small("time_mix_first.weight", {head_size_, shape.n_head()});
  norm_ = load.small("time_mix_ln.weight", {n});
  norm_bias_ = load.small("time_mix_ln.bias", {n});
}

// Old files have five tensors for the one of new files.
void Rwkv6TimeMix::load_lerps(const Loader::Layer& load, const Rwkv6Shape& shape) {
  const std::int64_t n = shape.n_embd;
  lerp_x_ = load.small("time_mix_lerp_x.weight", {n});
  if (shape.is_hybrid || !load.has("time_mix_lerp_w.weight")) {
    lerp_ = load.small("time_mix_lerp_fused.weight", {n, 1, 1, 5});
  } else {
    for (const char c : {'w', 'k', 'v', 'r', 'g'}) {
      const auto one = load.small(std::string("time_mix_lerp_") + c + ".weight", {n});
      lerp_.insert(lerp_.end(), one.begin(), one.end());
    }
  }
  lerp_down_ = load.matrix("time_mix_w1.weight", n, 5 * shape.lerp_rank);
  lerp_up_ = load.matrices("time_mix_w2.weight", shape.lerp_rank, n, 5);
}

StateLayout::Layer Rwkv6TimeMix::state(const Rwkv6Shape& shape, std::int64_t n_shift) {
  const auto n_s = static_cast<std::uint64_t>(n_shift * shape.n_embd);
  return {.r_elems = wkv_state_elems(shape.n_head(), shape.head_size),
          .s_elems = n_s,
          .r_log_elems = wkv6_log_elems(shape.n_head(), shape.n_head_kv, shape.head_size),
          .s_log_elems = n_s};
}

// mixed {5C, T}: what the projections see, for w, k, v, r, g.
Status Rwkv6TimeMix::mix(const Forward& pass, LayerId il, ConstMat normed, Mat mixed) const {
  const auto& [ops, context, scratch, logits] = pass;
  const std::int64_t n = normed.n, rank = lerp_up_[0].n_in();
  Scratch::Scope scope(scratch);
  const Mat delta = scratch.mat(n, normed.n_tokens), z = scratch.mat(n, normed.n_tokens);  // {C, T}
  EDDY_TRY(ops.token_shift({.x = normed,
                            .lerp = lerp_x_,
                            .lanes = context.lanes(),
                            .state = context.get_s_l(il),
                            .out = z,
                            .delta = delta}));
  const Mat low = scratch.mat(5 * rank, z.n_tokens);  // {5E, T}
  EDDY_TRY(ops.linear({.weight = lerp_down_, .x = z, .out = low}));
  EDDY_TRY(ops.activate({.x = low, .function = Activation::kTanh, .out = low}));
  for (std::int64_t c = 0; c < 5; ++c) {
    EDDY_TRY(ops.linear({.weight = lerp_up_[static_cast<std::size_t>(c)],
                         .x = low.part(c * rank, rank),
                         .out = mixed.part(c * n, n)}));
  }
  return ops.ddlerp({.x = normed, .delta = delta, .lerp = lerp_, .mix = mixed, .out = mixed});
}

Status Rwkv6TimeMix::add(const Forward& pass, LayerId il, ConstMat normed, Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const std::int64_t n = x.n, n_tokens = x.n_tokens;
  Scratch::Scope scope(scratch);
  const Mat mixed = scratch.mat(5 * n, n_tokens);  // {5C, T}
  EDDY_TRY(mix(pass, il, normed, mixed));
  const Mat k = scratch.mat(k_.weight.n_out(), n_tokens);                   // {K, T}
  const Mat v = scratch.mat(v_.weight.n_out(), n_tokens);                   // {K, T}
  const Mat r = scratch.mat(n, n_tokens), gate = scratch.mat(n, n_tokens);  // {C, T}
  const Mat w = scratch.mat(n, n_tokens);                                   // {C, T}
  const Mat key = is_hybrid_ ? scratch.mat(n, n_tokens) : k;                // {C, T}
  EDDY_TRY(k_.apply(ops, mixed.part(n, n), k));
  EDDY_TRY(v_.apply(ops, mixed.part(2 * n, n), v));
  EDDY_TRY(r_.apply(ops, mixed.part(3 * n, n), r));
  EDDY_TRY(ops.linear({.weight = gate_, .x = mixed.part(4 * n, n), .out = gate}));
  EDDY_TRY(decay_.apply(pass, Activation::kTanh, mixed.part(0, n), w));
  EDDY_TRY(ops.wkv6_decay({.x = w,
                           .bias = decay_bias_,
                           .k = is_hybrid_ ? k : Mat(),
                           .head_size = head_size_,
                           .w = w,
                           .key = key}));

  const Mat y = mixed.part(0, n);  // {C, T}
  EDDY_TRY(ops.wkv6({.r = r,
                     .w = w,
                     .k = key,
                     .v = v,
                     .u = u_,
                     .head_size = head_size_,
                     .scale = is_hybrid_ ? 1 / std::sqrt(static_cast<float>(head_size_)) : 1,
                     .lanes = context.lanes(),
                     .state = context.get_r_l(il),
                     .out = y}));
  EDDY_TRY(ops.wkv_output({.x = y,
                           .weight = norm_,
                           .bias = norm_bias_,
                           .gate = gate,
                           .function = is_hybrid_ ? Activation::kSigmoid : Activation::kSilu,
                           .head_size = head_size_,
                           .eps = kHeadNormEps,
                           .out = y}));
  return ops.linear({.weight = out_, .x = y, .out = x, .accumulate = true});
}

}  // namespace eddy
