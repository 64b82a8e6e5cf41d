// The time mix of RWKV-7 (Peng et al. 2025), for the references of RWKV-7 and ARWKV-7.
#pragma once

#include <string>

#include "reference/rwkv_blocks.h"

namespace eddy::reference {

class Rwkv7TimeMix {
 public:
  // blk: "blk.3.". Tensors that the file lacks stay empty: the gate, the norm.
  Rwkv7TimeMix(const GgufFile& file, const std::string& blk, std::size_t head_size, bool is_first);

  struct State {
    Vector before;  // {C}
    Vector s;       // {S, S, H}
  };
  // From matrices {n_head, values, keys}, or from zeros where there are none.
  State new_state(const Vector& initial) const;

  // What is added to the residual. v_first is written by the first layer, read by the others.
  Vector compute(const Vector& normed, State& state, Vector& v_first, Noise& noise) const;

 private:
  Vector out_of(const Vector& y, const Vector& bonus, const Vector& g, Noise& noise) const;

  std::size_t head_size_;
  bool is_first_;
  Tensor lerp_, r_, k_, v_, out_;
  Tensor w0_, w1_, w2_, a0_, a1_, a2_, v0_, v1_, v2_, g1_, g2_;
  Tensor k_k_, k_a_, r_k_, ln_, ln_bias_;
};

}  // namespace eddy::reference
