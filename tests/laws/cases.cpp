#include "laws/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/support/sanitized.h"
#include "make_model/architectures.h"
#include "models/architectures.h"

namespace eddy::laws {

std::string name_of(const Case& c) {
  std::string name = fmt::format("{}_{}_{}_{}", c.architecture, c.shape, dtype_name(c.weights),
                                 dtype_name(c.state));
  if (c.rounding == Rounding::kByChance) name += "_by_chance";
  std::ranges::replace(name, '-', '_');
  return name;
}

namespace {

// Every type of weights and every type of state; all pairs of them say nothing that the tests of
// the ops, which walk over all types, do not.
struct Types {
  DType weights, state;
  Rounding rounding = Rounding::kNearest;
};
constexpr Types kTypes[] = {
    {DType::kF32, DType::kF32},   {DType::kF16, DType::kBF16, Rounding::kByChance},
    {DType::kBF16, DType::kBF16}, {DType::kQ8_0, DType::kF32},
    {DType::kQ8_0, DType::kF16},  {DType::kQ8_0, DType::kF16, Rounding::kByChance}};

// What a sanitizer looks for in them is the same for all types: one pair will do.
std::span<const Types> types() {
  return test::kIsSanitized ? std::span(kTypes).last(1) : std::span(kTypes);
}

}  // namespace

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Architecture& architecture : architectures()) {
    const auto* maker = make_model::find_architecture(architecture.name);
    if (!maker) {  // seen as a failure of AllArchitecturesHaveCases
      continue;
    }
    for (const std::string_view shape : maker->shapes()) {
      if (!shape.starts_with("tiny")) continue;
      for (const auto& [weights, state, rounding] : types()) {
        cases.push_back(
            {std::string(architecture.name), std::string(shape), weights, state, rounding});
      }
    }
  }
  return cases;
}

}  // namespace eddy::laws
