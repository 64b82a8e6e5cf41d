// The cases that every law is tested with: each architecture of the table, in each of its tiny
// shapes, with each type of weights and of state.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "tensor/tensor.h"

namespace eddy::laws {

struct Case {
  std::string architecture;
  std::string shape;
  DType weights = DType::kF32;
  DType state = DType::kF32;               // of R and S, and of K and V
  Rounding rounding = Rounding::kNearest;  // of R
};

// "mamba_tiny_odd_Q8_0_BF16": what --gtest_filter sees.
std::string name_of(const Case& c);
inline std::ostream& operator<<(std::ostream& out, const Case& c) { return out << name_of(c); }

// The tiny shapes of all architectures that the engine can load; a new line in the table of
// architectures is in here by itself.
std::vector<Case> all_cases();

}  // namespace eddy::laws
