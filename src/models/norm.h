// The norms that architectures put in front of their blocks, with their weights.
#pragma once

#include <string>
#include <vector>

#include "models/loader.h"
#include "tensor/ops.h"

namespace eddy {

struct Norm {
  enum class Kind { kRms, kLayer };
  Kind kind = Kind::kRms;
  float eps = 0;
  std::vector<float> weight;  // {n}
  std::vector<float> bias;    // {n}; empty: none

  // x, out {n, T}; out may be x.
  Status apply(Ops& ops, ConstMat x, Mat out) const {
    if (kind == Kind::kLayer) {
      return ops.layer_norm({.x = x, .weight = weight, .bias = bias, .eps = eps, .out = out});
    }
    return ops.rms_norm(
        {.x = x, .weight = weight, .bias = bias, .group_size = x.n, .eps = eps, .out = out});
  }
};

// <name>.weight and <name>.bias. Source: a Loader or one of its layers.
template <class Source>
Norm load_layer_norm(Source&& load, const std::string& name, std::int64_t n, float eps) {
  return {.kind = Norm::Kind::kLayer,
          .eps = eps,
          .weight = load.small(name + ".weight", {n}),
          .bias = load.small(name + ".bias", {n})};
}

// <name>.weight and, where the file has it, <name>.bias.
template <class Source>
Norm load_rms_norm(Source&& load, const std::string& name, std::int64_t n, float eps) {
  const std::string bias = name + ".bias";
  return {.kind = Norm::Kind::kRms,
          .eps = eps,
          .weight = load.small(name + ".weight", {n}),
          .bias = load.has(bias) ? load.small(bias, {n}) : std::vector<float>()};
}

}  // namespace eddy
