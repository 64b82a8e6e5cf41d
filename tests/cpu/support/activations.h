// The functions of Activation for op cases: their names and references.
#pragma once

#include <string_view>

#include "reference/bounded.h"
#include "tensor/ops.h"

namespace eddy::test {

inline constexpr Activation kActivations[] = {Activation::kIdentity,    Activation::kSigmoid,
                                              Activation::kSilu,        Activation::kTanh,
                                              Activation::kReluSquared, Activation::kGelu};
inline constexpr std::string_view kActivationNames[] = {"identity", "sigmoid",      "silu",
                                                        "tanh",     "relu_squared", "gelu"};
inline std::string_view name_of(Activation f) {
  return kActivationNames[static_cast<std::size_t>(f)];
}

inline reference::Bounded activated(Activation function, reference::Bounded x) {
  switch (function) {
    case Activation::kIdentity: return x;
    case Activation::kSigmoid: return reference::sigmoid(x);
    case Activation::kSilu: return reference::silu(x);
    case Activation::kTanh: return reference::tanh(x);
    case Activation::kReluSquared: return reference::relu_squared(x);
    case Activation::kGelu: return reference::gelu(x);
  }
  return x;
}

}  // namespace eddy::test
