// SwiGLU (Shazeer 2020), the feed-forward block of Qwen and its descendants.
//
// Letters: C = n_embd, F = n_ff, T the tokens of the micro-batch.
#pragma once

#include "models/loader.h"
#include "models/model.h"

namespace eddy {

class Swiglu {
 public:
  // ffn_gate, ffn_up and ffn_down, with weights alone.
  Swiglu(const Loader::Layer& load, std::int64_t n_embd, std::int64_t n_ff);

  // x += down (silu(gate normed) * (up normed)); both {C, T}.
  Status add(const Forward& pass, ConstMat normed, Mat x) const;

 private:
  Weight gate_, up_, down_;  // {C, F}, {C, F}, {F, C}
};

}  // namespace eddy
