#include "models/gated_mlp.h"

#include "base/try.h"
#include "models/scratch.h"

namespace eddy {

GatedMlp::GatedMlp(const Loader::Layer& load, const Shape& shape)
    : function_(shape.function),
      gate_(load_dense(load, "ffn_gate", shape.n_embd, shape.n_ff, shape.bias)),
      up_(load_dense(load, "ffn_up", shape.n_embd, shape.n_ff, shape.bias)),
      down_(load_dense(load, "ffn_down", shape.n_ff, shape.n_embd, shape.bias)) {}

Status GatedMlp::add(const Forward& pass, ConstMat normed, Mat x) const {
  Scratch::Scope scope(pass.scratch);
  const Mat gate = pass.scratch.mat(gate_.weight.n_out(), x.n_tokens);  // {F, T}
  const Mat up = pass.scratch.mat(up_.weight.n_out(), x.n_tokens);      // {F, T}
  EDDY_TRY(gate_.apply(pass.ops, normed, gate));
  EDDY_TRY(up_.apply(pass.ops, normed, up));
  EDDY_TRY(pass.ops.gate({.x = up, .gate = gate, .function = function_, .out = up}));
  return down_.apply(pass.ops, up, x, true);
}

}  // namespace eddy
