#include "models/ends.h"

#include <utility>

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {

Ends::Ends(Loader& load, Norm norm)
    : embedding_scale_(load.positive_or("embedding_scale", 1)),
      logit_cap_(load.positive_or("final_logit_softcapping", 0)),
      token_embd_(load.matrix("token_embd.weight", load.info().n_embd, load.info().n_vocab)),
      norm_(std::move(norm)),
      output_(load.has("output.weight")
                  ? load.matrix("output.weight", load.info().n_embd, load.info().n_vocab)
                  : token_embd_) {}

Ends::Ends(Loader& load)
    : Ends(load, load_rms_norm(load, "output_norm", load.info().n_embd,
                               load.positive("attention.layer_norm_rms_epsilon"))) {}

Status Ends::embed(const Forward& pass, Mat x) const {
  return pass.ops.embed({.table = token_embd_,
                         .tokens = pass.context.ubatch().tokens,
                         .scale = embedding_scale_,
                         .out = x});
}

Status Ends::logits(const Forward& pass, ConstMat x) const {
  const std::span<const std::int32_t> outputs = pass.context.ubatch().outputs;
  if (outputs.empty()) return {};
  Scratch::Scope scope(pass.scratch);
  const Mat rows = pass.scratch.mat(x.n, std::ssize(outputs));  // {n_embd, n_outputs}
  EDDY_TRY(pass.ops.select({.x = x, .indices = outputs, .out = rows}));
  EDDY_TRY(norm_.apply(pass.ops, rows, rows));
  EDDY_TRY(pass.ops.linear({.weight = output_, .x = rows, .out = pass.logits}));
  if (logit_cap_ == 0) return {};
  return pass.ops.soft_cap({.x = pass.logits, .cap = logit_cap_});
}

}  // namespace eddy
