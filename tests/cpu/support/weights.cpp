#include "cpu/support/weights.h"

#include <bit>
#include <cmath>
#include <limits>

#include "cpu/support/op_case.h"

namespace eddy::test {
namespace {

std::uint64_t bits_at(std::uint64_t key) {
  return static_cast<std::uint64_t>((noise(key) + 1.0f) * 0x1p23f);
}

template <class T>
void append(std::vector<std::byte>& bytes, T value) {
  const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

// A half of exponent -8 .. -1, with any sign and mantissa.
std::uint16_t random_half(std::uint64_t key) {
  const std::uint64_t bits = bits_at(key);
  return static_cast<std::uint16_t>((bits & 0x8000) | (7 + (bits >> 16 & 7)) << 10 | (bits & 1023));
}

void add_block_q8_0(RandomWeight& weight, std::uint64_t key) {
  const auto d = static_cast<std::uint16_t>(0x2000 | (bits_at(key) & 1023));  // 2^-7 .. 2^-6
  append(weight.bytes, d);
  for (std::uint64_t i = 0; i < 32; ++i) {
    const auto q = static_cast<std::int8_t>(bits_at(key * 64 + i) & 255);
    append(weight.bytes, q);
    weight.values.push_back(half_value(d) * q);
  }
}

void add_element(RandomWeight& weight, std::uint64_t key) {
  if (weight.type == DType::kF32) {
    append(weight.bytes, noise(key));
    weight.values.push_back(noise(key));
  } else if (weight.type == DType::kF16) {
    append(weight.bytes, random_half(key));
    weight.values.push_back(half_value(random_half(key)));
  } else {
    const auto bits = std::bit_cast<std::uint32_t>(noise(key)) & 0xffff0000;
    append(weight.bytes, static_cast<std::uint16_t>(bits >> 16));
    weight.values.push_back(std::bit_cast<float>(bits));
  }
}

}  // namespace

double half_value(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double size = 0;
  if (exponent == 31) {
    size = mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : std::numeric_limits<double>::infinity();
  } else {
    size = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  }
  return bits & 0x8000 ? -size : size;
}

RandomWeight make_weight(DType type, std::int64_t n_in, std::int64_t n_out) {
  RandomWeight weight = {.bytes = {}, .values = {}, .type = type, .n_in = n_in, .n_out = n_out};
  const auto n = static_cast<std::uint64_t>(n_in * n_out);
  if (type == DType::kQ8_0) {
    for (std::uint64_t b = 0; b < n / 32; ++b) add_block_q8_0(weight, b);
  } else {
    for (std::uint64_t i = 0; i < n; ++i) add_element(weight, i);
  }
  return weight;
}

RandomVector make_vector(std::int64_t n, float low, float high) {
  RandomVector out;
  for (std::int64_t i = 0; i < n; ++i) {
    const float share = (noise(static_cast<std::uint64_t>(i) + 77) + 1.0f) / 2;
    out.floats.push_back(low + share * (high - low));
    out.values.push_back(out.floats.back());
  }
  return out;
}

}  // namespace eddy::test
