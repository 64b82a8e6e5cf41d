#include "make_model/architectures.h"

namespace eddy::make_model {
namespace {

#define EDDY_TABLE_LINE(name) {#name, name##_shapes, plan_##name},
constexpr Architecture kArchitectures[] = {EDDY_RANDOM_MODELS(EDDY_TABLE_LINE)};
#undef EDDY_TABLE_LINE

}  // namespace

std::span<const Architecture> architectures() { return kArchitectures; }

const Architecture* find_architecture(std::string_view name) {
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.name == name) return &architecture;
  }
  return nullptr;
}

}  // namespace eddy::make_model
