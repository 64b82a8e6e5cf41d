#include "models/attention.h"

#include <cmath>

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/scratch.h"
#include "tensor/rope.h"

namespace eddy {

AttentionShape load_attention_shape(Loader& load) {
  constexpr std::int64_t kMaxDim = 1024;
  AttentionShape shape;
  shape.n_head = load.integer("attention.head_count");
  shape.k_dim = load.integer("attention.key_length", {1, kMaxDim});
  shape.v_dim = load.integer("attention.value_length", {1, kMaxDim});
  shape.scale = 1 / std::sqrt(static_cast<float>(shape.k_dim));
  const std::int64_t n_dims = load.integer("rope.dimension_count", {2, kMaxDim});
  load.require(n_dims % 2 == 0 && n_dims <= shape.k_dim,
               "rope.dimension_count: odd, or above attention.key_length");
  const float base = load.positive("rope.freq_base");
  load.require(base >= 1, "rope.freq_base: below 1");
  shape.turns = rope_turns(base, n_dims);
  return shape;
}

Attention::Attention(const Loader::Layer& load, std::int64_t n_embd, const AttentionShape& shape,
                     std::int64_t n_head_kv)
    : n_head_kv_(n_head_kv),
      q_(load.matrix("attn_q.weight", n_embd, shape.n_head * shape.k_dim)),
      k_(load.matrix("attn_k.weight", n_embd, n_head_kv * shape.k_dim)),
      v_(load.matrix("attn_v.weight", n_embd, n_head_kv * shape.v_dim)),
      output_(
          load_dense(load, "attn_output", shape.n_head * shape.v_dim, n_embd, shape.output_bias)) {}

StateLayout::Layer Attention::state(const AttentionShape& shape, std::int64_t n_head_kv) {
  return {.k_elems = static_cast<std::uint64_t>(n_head_kv * shape.k_dim),
          .v_elems = static_cast<std::uint64_t>(n_head_kv * shape.v_dim),
          .window = shape.window};
}

Status Attention::mix(const Forward& pass, LayerId il, const AttentionShape& shape, ConstMat normed,
                      Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const std::span<const Lane> lanes = context.lanes();
  const KvView kv = context.get_kv_l(il);
  Scratch::Scope scope(scratch);

  const Mat q = scratch.mat(q_.n_out(), x.n_tokens);  // {H K, T}
  const Mat k = scratch.mat(k_.n_out(), x.n_tokens);  // {G K, T}, G = n_head_kv
  const Mat v = scratch.mat(v_.n_out(), x.n_tokens);  // {G V, T}
  EDDY_TRY(ops.linear({.weight = q_, .x = normed, .out = q}));
  EDDY_TRY(ops.linear({.weight = k_, .x = normed, .out = k}));
  EDDY_TRY(ops.linear({.weight = v_, .x = normed, .out = v}));
  if (!shape.turns.empty()) {
    RopeArgs rope = {.x = q,
                     .n_head = shape.n_head,
                     .turns = shape.turns,
                     .pairs = shape.pairs,
                     .lanes = lanes,
                     .kv_lanes = kv.lanes};
    EDDY_TRY(ops.rope(rope));
    rope.x = k;
    rope.n_head = n_head_kv_;
    EDDY_TRY(ops.rope(rope));
  }
  EDDY_TRY(ops.kv_store({.k = k, .v = v, .lanes = lanes, .kv = kv}));
  const Mat y = scratch.mat(shape.n_head * shape.v_dim, x.n_tokens);  // {H V, T}
  EDDY_TRY(ops.attention({.q = q,
                          .n_head = shape.n_head,
                          .n_head_kv = n_head_kv_,
                          .scale = shape.scale,
                          .score_cap = shape.score_cap,
                          .window = shape.window,
                          .lanes = lanes,
                          .kv = kv,
                          .out = y}));
  return output_.apply(ops, y, x, true);
}

}  // namespace eddy
