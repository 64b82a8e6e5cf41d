// A linear layer with a bias.
#pragma once

#include <string>
#include <vector>

#include "models/loader.h"
#include "tensor/ops.h"

namespace eddy {

struct Dense {
  Weight weight;            // {n_in, n_out}
  std::vector<float> bias;  // {n_out}, or empty for none

  // out = weight x + bias (+ out).
  Status apply(Ops& ops, ConstMat x, Mat out, bool accumulate = false) const {
    return ops.linear(
        {.weight = weight, .x = x, .bias = bias, .out = out, .accumulate = accumulate});
  }
};

// The tensors <name>.weight and <name>.bias.
inline Dense load_dense(const Loader::Layer& load, const std::string& name, std::int64_t n_in,
                        std::int64_t n_out) {
  return {.weight = load.matrix(name + ".weight", n_in, n_out),
          .bias = load.small(name + ".bias", {n_out})};
}

}  // namespace eddy
