// The recurrent mixer of Griffin (De et al. 2024, section 2.3): two branches of the layer's input,
// one through a short convolution and an RG-LRU, the other the gate.
//
// Threading: immutable.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dense.h"
#include "models/loader.h"
#include "models/model.h"

namespace eddy {

struct GriffinShape {
  std::int64_t n_embd = 1;
  std::int64_t width = 1;    // R: channels of the recurrence
  std::int64_t n_block = 1;  // blocks of the gates' matrices; divides R
  std::int64_t d_conv = 2;
};

GriffinShape load_griffin_shape(Loader& load);

class GriffinRecurrent {
 public:
  // The tensors rglru_*, ssm_conv1d and ssm_out of a layer.
  GriffinRecurrent(Loader& loader, const Loader::Layer& load, const GriffinShape& shape);

  // What such a layer keeps of a sequence.
  static StateLayout::Layer state(const GriffinShape& shape);

  // x += the mixer of `normed`, {n_embd, T} both.
  Status mix(const Forward& pass, LayerId il, ConstMat normed, Mat x) const;

 private:
  std::int64_t d_conv_;
  Dense gate_branch_, branch_, out_;     // {n_embd, R}, {n_embd, R}, {R, n_embd}
  std::vector<float> conv_, conv_bias_;  // {R, d_conv}, {R}
  std::vector<Weight> gate_x_, gate_a_;  // n_block times {R / n_block, R / n_block}
  std::vector<float> bias_x_, bias_a_;   // {R}
  std::vector<float> decay_;             // {R}: -8 softplus(Lambda)
};

}  // namespace eddy
