// The two ends of a model: token ids in, logits out. Files may scale embeddings (embedding_scale)
// and cap logits (final_logit_softcapping).
#pragma once

#include "models/loader.h"
#include "models/model.h"
#include "models/norm.h"
#include "tensor/tensor.h"

namespace eddy {

class Ends {
 public:
  // norm: the last one, output_norm.
  Ends(Loader& load, Norm norm);
  explicit Ends(Loader& load);  // with the RMSNorm that most have

  // x {n_embd, n_tokens}: the embeddings of the micro-batch's tokens.
  Status embed(const Forward& pass, Mat x) const;

  // The logits of the micro-batch's outputs, from x {n_embd, n_tokens} after the last layer.
  // Nothing is computed for tokens whose logits nobody wants.
  Status logits(const Forward& pass, ConstMat x) const;

 private:
  float embedding_scale_;
  float logit_cap_;    // 0: none
  Weight token_embd_;  // {n_embd, n_vocab}
  Norm norm_;
  Weight output_;  // {n_embd, n_vocab}; token_embd where the file ties them
};

}  // namespace eddy
