// The architectures that random models can be made of, and the shapes of each: `tiny` ones for
// tests, the published ones for benchmarks.
//
// A new architecture is one file with its shapes and its plan, and one line in the list.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "make_model/plan.h"

namespace eddy::make_model {

struct Architecture {
  std::string_view name;
  std::vector<std::string_view> (*shapes)();
  // Hyper-parameters and tensors without the vocabulary; nullopt: no such shape.
  std::optional<Plan> (*plan)(std::string_view shape, DType type);
};

std::span<const Architecture> architectures();
const Architecture* find_architecture(std::string_view name);

// The list: of each there are functions <name>_shapes and plan_<name>.
// clang-format off
#define EDDY_RANDOM_MODELS(X) \
  X(mamba) \
  X(mamba2) \
  X(recurrentgemma) \
  X(rwkv6) \
  X(rwkv6qwen2) \
  X(rwkv7) \
  X(arwkv7)
// clang-format on

#define EDDY_DECLARE_PLAN(name)                  \
  std::vector<std::string_view> name##_shapes(); \
  std::optional<Plan> plan_##name(std::string_view shape, DType type);
EDDY_RANDOM_MODELS(EDDY_DECLARE_PLAN)
#undef EDDY_DECLARE_PLAN

}  // namespace eddy::make_model
