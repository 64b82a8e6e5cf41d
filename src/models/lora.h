// A pair of matrices with a narrow waist, and a function between them: up f(down x).
#pragma once

#include "base/try.h"
#include "models/model.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {

struct Lora {
  Weight down, up;  // {n_in, rank}, {rank, n_out}

  // x {n_in, T}, out {n_out, T}.
  Status apply(const Forward& pass, Activation f, ConstMat x, Mat out) const {
    Scratch::Scope scope(pass.scratch);
    const Mat low = pass.scratch.mat(down.n_out(), x.n_tokens);  // {rank, T}
    EDDY_TRY(pass.ops.linear({.weight = down, .x = x, .out = low}));
    if (f != Activation::kIdentity) {
      EDDY_TRY(pass.ops.activate({.x = low, .function = f, .out = low}));
    }
    return pass.ops.linear({.weight = up, .x = low, .out = out});
  }
};

}  // namespace eddy
