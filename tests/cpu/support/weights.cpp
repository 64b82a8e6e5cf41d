#include "cpu/support/weights.h"

#include <bit>

#include "cpu/support/op_case.h"
#include "reference/block_formats.h"

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

// Where the halves of a block lie that all its elements are multiplied with: those of scales, and
// of minima.
std::vector<std::size_t> halves_of(DType type) {
  switch (type) {
    case DType::kQ2_K: return {80, 82};
    case DType::kQ3_K: return {108};
    case DType::kQ6_K: return {208};
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K: return {0, 2};
    case DType::kMXFP4: return {};
    default: return {0};
  }
}

void add_block(RandomWeight& weight, std::uint64_t key) {
  const std::size_t n_bytes = dtype_info(weight.type).block_bytes, at = weight.bytes.size();
  for (std::size_t i = 0; i < n_bytes; ++i) {
    append(weight.bytes, static_cast<std::uint8_t>(bits_at(key * 512 + i)));
  }
  for (const std::size_t half : halves_of(weight.type)) {  // 2^-7 .. 2^-6, of either sign
    const std::uint64_t bits = bits_at(key * 512 + 300 + half);
    const std::uint64_t d = 0x2000 | (bits & 1023) | (bits >> 12 & 0x8000);
    weight.bytes[at + half] = static_cast<std::byte>(d);
    weight.bytes[at + half + 1] = static_cast<std::byte>(d >> 8);
  }
  if (weight.type == DType::kMXFP4) weight.bytes[at] = static_cast<std::byte>(118 + key % 8);
  const auto block = std::span<const std::byte>(weight.bytes).subspan(at);
  for (const auto [scaled, low] : reference::block_elements(weight.type, block)) {
    weight.values.push_back(static_cast<float>(scaled - low));
    weight.scaled.push_back(scaled);
    weight.lows.push_back(low);
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
  const std::byte bytes[] = {static_cast<std::byte>(bits), static_cast<std::byte>(bits >> 8)};
  return reference::half_at(bytes, 0);
}

RandomWeight make_weight(DType type, std::int64_t n_in, std::int64_t n_out) {
  RandomWeight weight = {.type = type, .n_in = n_in, .n_out = n_out};
  const auto n = static_cast<std::uint64_t>(n_in * n_out);
  const std::uint64_t n_block = dtype_info(type).block_elems;
  if (n_block > 1) {
    for (std::uint64_t b = 0; b < n / n_block; ++b) add_block(weight, b);
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
