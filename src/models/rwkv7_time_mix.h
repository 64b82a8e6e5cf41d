// The time mix of RWKV-7 (Peng et al. 2025, "RWKV-7 Goose with Expressive Dynamic State
// Evolution"), that ARWKV-7 shares.
//
// Letters: C = n_embd, S = head_size, T the tokens of the micro-batch.
#pragma once

#include <vector>

#include "models/loader.h"
#include "models/lora.h"
#include "models/model.h"
#include "tensor/ops.h"

namespace eddy {

struct Rwkv7Shape {
  explicit Rwkv7Shape(Loader& load);

  std::int64_t n_embd, head_size;
  std::int64_t decay_rank, rate_rank, value_rank, gate_rank;  // gate_rank may be 0
};

class Rwkv7TimeMix {
 public:
  // Hybrids lack parts: the gate where there is no time_mix_g1, the norm where no time_mix_ln.
  Rwkv7TimeMix(const Loader::Layer& load, const Rwkv7Shape& shape, bool is_first, bool is_hybrid);

  // x += the time mix of normed; both {C, T}. v_first {C, T} is what the first layer writes and
  // the others read.
  Status add(const Forward& pass, LayerId il, ConstMat normed, Mat v_first, Mat x) const;

  // What a layer keeps: R, the matrices of the heads; S, n_shift token shifts of C elements, the
  // first of which is the time mix's.
  static StateLayout::Layer state(const Rwkv7Shape& shape, std::int64_t n_shift);

 private:
  bool is_first_, has_gate_;
  std::int64_t head_size_;
  std::vector<float> lerp_;                      // {C, 5 or 6}: r, w, k, v, a, g
  Weight r_, k_, v_, out_;                       // {C, C}
  Lora decay_, rate_, value_, gate_;             // value_ not in the first layer
  std::vector<float> w_bias_, a_bias_, v_bias_;  // {C}
  std::vector<float> k_k_, k_a_, r_k_;           // {C}
  std::vector<float> norm_, norm_bias_;          // {C}, or empty
};

}  // namespace eddy
