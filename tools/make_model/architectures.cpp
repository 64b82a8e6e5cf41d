#include "make_model/architectures.h"

namespace eddy::make_model {
namespace {

constexpr Architecture kArchitectures[] = {
    {"mamba", mamba_shapes, plan_mamba},
    {"mamba2", mamba2_shapes, plan_mamba2},
    {"recurrentgemma", recurrentgemma_shapes, plan_recurrentgemma},
    {"rwkv6", rwkv6_shapes, plan_rwkv6},
    {"rwkv6qwen2", rwkv6qwen2_shapes, plan_rwkv6qwen2},
    {"rwkv7", rwkv7_shapes, plan_rwkv7},
    {"arwkv7", arwkv7_shapes, plan_arwkv7},
};

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

const Architecture* find_architecture(std::string_view name) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

}  // namespace eddy::make_model
