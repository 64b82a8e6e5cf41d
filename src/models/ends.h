// The two ends of a model: token ids in, logits out.
#pragma once

#include <vector>

#include "models/loader.h"
#include "models/model.h"
#include "tensor/tensor.h"

namespace eddy {

class Ends {
 public:
  explicit Ends(Loader& load);

  // x {n_embd, n_tokens}: the embeddings of the micro-batch's tokens.
  Status embed(const Forward& pass, Mat x) const;

  // The logits of the micro-batch's outputs, from x {n_embd, n_tokens} after the last layer.
  // Nothing is computed for tokens whose logits nobody wants.
  Status logits(const Forward& pass, ConstMat x) const;

 private:
  float eps_;
  Weight token_embd_;        // {n_embd, n_vocab}
  std::vector<float> norm_;  // {n_embd}
  Weight output_;            // {n_embd, n_vocab}; token_embd where the file ties them
};

}  // namespace eddy
