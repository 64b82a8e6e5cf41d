// The architectures that random models can be made of, and the shapes of each: `tiny` ones for
// tests, the published ones for benchmarks.
//
// A new architecture is one file with its shapes and its plan, and one line in the table.
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

std::vector<std::string_view> mamba_shapes();
std::optional<Plan> plan_mamba(std::string_view shape, DType type);
std::vector<std::string_view> mamba2_shapes();
std::optional<Plan> plan_mamba2(std::string_view shape, DType type);
std::vector<std::string_view> recurrentgemma_shapes();
std::optional<Plan> plan_recurrentgemma(std::string_view shape, DType type);
std::vector<std::string_view> rwkv6_shapes();
std::optional<Plan> plan_rwkv6(std::string_view shape, DType type);
std::vector<std::string_view> rwkv6qwen2_shapes();
std::optional<Plan> plan_rwkv6qwen2(std::string_view shape, DType type);
std::vector<std::string_view> rwkv7_shapes();
std::optional<Plan> plan_rwkv7(std::string_view shape, DType type);
std::vector<std::string_view> arwkv7_shapes();
std::optional<Plan> plan_arwkv7(std::string_view shape, DType type);

}  // namespace eddy::make_model
