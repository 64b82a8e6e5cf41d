// The elements of a random tensor. Element i depends on the seed, the tensor's name and i alone,
// and is made with arithmetic that is the same on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "make_model/plan.h"

namespace eddy::make_model {

class RandomValues {
 public:
  RandomValues(const TensorPlan& tensor, std::uint64_t seed);

  // Elements first .. first + out.size() - 1.
  void fill(std::uint64_t first, std::span<float> out) const;

 private:
  double at(std::uint64_t i) const;

  Values values_;
  std::uint64_t n_in_;
  std::uint64_t key_;
};

// values as a type that eddy can encode stores them. out has row_bytes(type, values.size()) bytes.
void encode(std::span<const float> values, DType type, std::span<std::byte> out);

}  // namespace eddy::make_model
