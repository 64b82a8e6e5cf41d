// The time mix of RWKV-6 (Peng et al. 2024), for the references of RWKV-6 and QRWKV-6.
#pragma once

#include <string>

#include "reference/rwkv_blocks.h"

namespace eddy::reference {

class Rwkv6TimeMix {
 public:
  // blk: "blk.3.". Without time_mix_first it is QRWKV-6's.
  Rwkv6TimeMix(const GgufFile& file, const std::string& blk, std::size_t head_size);

  struct State {
    Vector before;  // {C}
    Vector s;       // {S, S, H}
  };
  // From matrices {n_head, values, keys}, or from zeros where there are none.
  State new_state(const Vector& initial) const;

  // What is added to the residual.
  Vector compute(const Vector& normed, State& state, Noise& noise) const;

 private:
  struct Projection {
    Tensor weight, bias;
  };
  static Projection read_projection(const GgufFile& file, const std::string& name);
  static Vector project(const Projection& w, const Vector& x, Noise& noise);
  // The five inputs: w, k, v, r, g.
  std::vector<Vector> mix(const Vector& normed, State& state, Noise& noise) const;
  // To all heads, each of k's or v's serving the same number of heads in turn.
  Vector expanded(const Vector& x) const;
  bool is_hybrid() const { return u_.v.empty(); }

  std::size_t head_size_, n_embd_;
  Tensor lerp_x_, lerp_, w1_, w2_, decay_, decay_w1_, decay_w2_, u_, ln_, ln_bias_;
  Projection r_, k_, v_, g_, out_;
};

}  // namespace eddy::reference
