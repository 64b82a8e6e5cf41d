#include "laws/cases.h"

#include <fmt/format.h>

#include <algorithm>

#include "make_model/architectures.h"
#include "models/architectures.h"

namespace eddy::laws {

std::string name_of(const Case& c) {
  std::string name = fmt::format("{}_{}_{}_{}", c.architecture, c.shape, dtype_name(c.weights),
                                 dtype_name(c.state));
  std::ranges::replace(name, '-', '_');
  return name;
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Architecture& architecture : architectures()) {
    const auto* maker = make_model::find_architecture(architecture.name);
    if (!maker) {  // seen as a failure of AllArchitecturesHaveCases
      continue;
    }
    for (const std::string_view shape : maker->shapes()) {
      if (!shape.starts_with("tiny")) continue;
      for (const DType weights : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
        for (const DType state : {DType::kF32, DType::kF16, DType::kBF16}) {
          cases.push_back({std::string(architecture.name), std::string(shape), weights, state});
        }
      }
    }
  }
  return cases;
}

}  // namespace eddy::laws
