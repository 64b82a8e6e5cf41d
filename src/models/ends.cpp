#include "models/ends.h"

#include <utility>

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {

Ends::Ends(Loader& load, Norm norm)
    : token_embd_(load.matrix("token_embd.weight", load.info().n_embd, load.info().n_vocab)),
      norm_(std::move(norm)),
      output_(load.has("output.weight")
                  ? load.matrix("output.weight", load.info().n_embd, load.info().n_vocab)
                  : token_embd_) {}

Ends::Ends(Loader& load)
    : Ends(load, load_rms_norm(load, "output_norm", load.info().n_embd,
                               load.positive("attention.layer_norm_rms_epsilon"))) {}

Status Ends::embed(const Forward& pass, Mat x) const {
  return pass.ops.embed({.table = token_embd_, .tokens = pass.context.ubatch().tokens, .out = x});
}

Status Ends::logits(const Forward& pass, ConstMat x) const {
  const std::span<const std::int32_t> outputs = pass.context.ubatch().outputs;
  if (outputs.empty()) return {};
  Scratch::Scope scope(pass.scratch);
  const Mat rows = pass.scratch.mat(x.n, std::ssize(outputs));  // {n_embd, n_outputs}
  EDDY_TRY(pass.ops.select({.x = x, .indices = outputs, .out = rows}));
  EDDY_TRY(norm_.apply(pass.ops, rows, rows));
  return pass.ops.linear({.weight = output_, .x = rows, .out = pass.logits});
}

}  // namespace eddy
