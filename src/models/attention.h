// Softmax attention as a mixer of a layer: projections, rotary positions, K and V into the memory,
// attention, and the way back into the residual.
//
// Threading: immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dense.h"
#include "models/loader.h"
#include "models/model.h"
#include "tensor/ops.h"

namespace eddy {

// What the attention layers of a model have in common.
struct AttentionShape {
  std::int64_t n_head = 1;
  std::int64_t k_dim = 1, v_dim = 1;  // of a head
  std::int32_t window = 0;            // positions that a token sees, itself included; 0: all
  float scale = 1;
  float score_cap = 0;               // 0: none
  std::vector<std::uint64_t> turns;  // rotary frequencies (tensor/rope.h); empty: no rotation
  RopePairs pairs = RopePairs::kHalves;
  Bias output_bias = Bias::kNone;
};

// From the keys that files of many architectures have: head_count, key_length, value_length,
// rope.dimension_count and rope.freq_base. Scores are scaled by 1 / sqrt(k_dim).
AttentionShape load_attention_shape(Loader& load);

class Attention {
 public:
  // The tensors attn_q, attn_k, attn_v and attn_output of a layer.
  Attention(const Loader::Layer& load, std::int64_t n_embd, const AttentionShape& shape,
            std::int64_t n_head_kv);

  // What such a layer keeps of a sequence.
  static StateLayout::Layer state(const AttentionShape& shape, std::int64_t n_head_kv);

  // x += attention of `normed`, {n_embd, T} both. The shape is that of the constructor.
  Status mix(const Forward& pass, LayerId il, const AttentionShape& shape, ConstMat normed,
             Mat x) const;

 private:
  std::int64_t n_head_kv_;
  Weight q_, k_, v_;  // {n_embd, n_head * k_dim}, {n_embd, n_head_kv * k_dim}, .. * v_dim
  Dense output_;      // {n_head * v_dim, n_embd}
};

}  // namespace eddy
