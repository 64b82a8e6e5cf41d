// The time mix of RWKV-6 (Peng et al. 2024, "Eagle and Finch: RWKV with Matrix-Valued States and
// Dynamic Recurrence"), and what QRWKV-6, a conversion of Qwen 2, makes of it: gated linear
// attention, heads of keys and values that several heads share, biases, and no norm.
//
// Letters: C = n_embd, S = head_size, E, D the ranks of lerp and decay, K = n_head_kv * S, T the
// tokens of the micro-batch.
#pragma once

#include <vector>

#include "models/dense.h"
#include "models/loader.h"
#include "models/lora.h"
#include "models/model.h"
#include "tensor/ops.h"

namespace eddy {

struct Rwkv6Shape {
  explicit Rwkv6Shape(Loader& load);

  std::int64_t n_head() const { return n_embd / head_size; }

  std::int64_t n_embd, head_size, lerp_rank, decay_rank;
  std::int64_t n_head_kv;  // n_head() but in QRWKV-6
  bool is_hybrid = false;  // QRWKV-6
};

class Rwkv6TimeMix {
 public:
  Rwkv6TimeMix(const Loader::Layer& load, const Rwkv6Shape& shape);

  // x += the time mix of normed; both {C, T}.
  Status add(const Forward& pass, LayerId il, ConstMat normed, Mat x) const;

  // What a layer keeps: R, the matrices of the heads; S, n_shift token shifts of C elements, the
  // first of which is the time mix's.
  static StateLayout::Layer state(const Rwkv6Shape& shape, std::int64_t n_shift);

 private:
  void load_lerps(const Loader::Layer& load, const Rwkv6Shape& shape);

  Status mix(const Forward& pass, LayerId il, ConstMat normed, Mat mixed) const;

  bool is_hybrid_;
  std::int64_t head_size_;
  std::vector<float> lerp_x_, lerp_;     // {C}, {C, 5}: w, k, v, r, g
  Weight lerp_down_;                     // {C, 5E}
  std::vector<Weight> lerp_up_;          // {E, C}, five of them
  std::vector<float> decay_bias_;        // {C}
  Lora decay_;                           // {C, D}, {D, C}
  std::vector<float> u_;                 // {C}; empty in the hybrid
  Dense r_, k_, v_;                      // {C, C}, {C, K}, {C, K}; biases in the hybrid, or none
  std::vector<float> norm_, norm_bias_;  // {C}; empty in the hybrid
  Weight gate_, out_;                    // {C, C}
};

}  // namespace eddy
