// A linear layer with a bias, or without.
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

enum class Bias { kNone, kIsThere };

// The tensors <name>.weight and <name>.bias.
inline Dense load_dense(const Loader::Layer& load, const std::string& name, std::int64_t n_in,
                        std::int64_t n_out, Bias bias = Bias::kIsThere) {
  Dense dense = {.weight = load.matrix(name + ".weight", n_in, n_out), .bias = {}};
  if (bias == Bias::kIsThere) dense.bias = load.small(name + ".bias", {n_out});
  return dense;
}

}  // namespace eddy
