// The gated feed-forward block (Shazeer 2020): SwiGLU in Qwen and its descendants, GeGLU in Gemma.
//
// Letters: C = n_embd, F = n_ff, T the tokens of the micro-batch.
#pragma once

#include "models/dense.h"
#include "models/loader.h"
#include "models/model.h"
#include "tensor/ops.h"

namespace eddy {

class GatedMlp {
 public:
  struct Shape {
    std::int64_t n_embd, n_ff;
    Activation function;  // of the gate
    Bias bias = Bias::kNone;
  };

  // The tensors ffn_gate, ffn_up and ffn_down of a layer.
  GatedMlp(const Loader::Layer& load, const Shape& shape);

  // x += down (f(gate normed) * (up normed)); both {C, T}.
  Status add(const Forward& pass, ConstMat normed, Mat x) const;

 private:
  Activation function_;
  Dense gate_, up_, down_;  // {C, F}, {C, F}, {F, C}
};

}  // namespace eddy
