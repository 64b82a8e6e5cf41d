#include "models/swiglu.h"

#include "base/try.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {

Swiglu::Swiglu(const Loader::Layer& load, std::int64_t n_embd, std::int64_t n_ff)
    : gate_(load.matrix("ffn_gate.weight", n_embd, n_ff)),
      up_(load.matrix("ffn_up.weight", n_embd, n_ff)),
      down_(load.matrix("ffn_down.weight", n_ff, n_embd)) {}

Status Swiglu::add(const Forward& pass, ConstMat normed, Mat x) const {
  Scratch::Scope scope(pass.scratch);
  const Mat gate = pass.scratch.mat(gate_.n_out(), x.n_tokens);  // {F, T}
  const Mat up = pass.scratch.mat(up_.n_out(), x.n_tokens);      // {F, T}
  EDDY_TRY(pass.ops.linear({.weight = gate_, .x = normed, .out = gate}));
  EDDY_TRY(pass.ops.linear({.weight = up_, .x = normed, .out = up}));
  EDDY_TRY(pass.ops.gate({.x = up, .gate = gate, .function = Activation::kSilu, .out = up}));
  return pass.ops.linear({.weight = down_, .x = up, .out = x, .accumulate = true});
}

}  // namespace eddy
