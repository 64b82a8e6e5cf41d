// Random weights of every type that the CPU multiplies with, as stored bytes and as the numbers
// that they stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace eddy::test {

struct RandomWeight {
  std::vector<std::byte> bytes = {};
  std::vector<double> values = {};  // {n_in, n_out}
  // values = scaled - lows, of formats that subtract a minimum; else empty.
  std::vector<double> scaled = {}, lows = {};
  DType type = DType::kF32;
  std::int64_t n_in = 0, n_out = 0;

  Weight view() const { return {bytes.data(), type, {n_in, n_out, 1, 1}, "random"}; }
};

// Values in about [-1, 1] of dense types. Of blocks: random bytes, with scales of some hundredths.
RandomWeight make_weight(DType type, std::int64_t n_in, std::int64_t n_out);

// n floats in [low, high), and the same as doubles.
struct RandomVector {
  std::vector<float> floats;
  std::vector<double> values;
};
RandomVector make_vector(std::int64_t n, float low, float high);

// The number that a stored half stands for, from its definition.
double half_value(std::uint16_t bits);

}  // namespace eddy::test
