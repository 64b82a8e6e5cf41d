#include "tensor/decode.h"

#include <bit>
#include <cassert>
#include <utility>

#include "base/half.h"
#include "base/little_endian.h"

namespace eddy {
namespace {

using Bytes = const std::byte*;

std::uint32_t u8(Bytes b, std::size_t at) { return std::to_integer<std::uint32_t>(b[at]); }
std::int32_t i8(Bytes b, std::size_t at) { return std::to_integer<std::int8_t>(b[at]); }
std::uint16_t u16(Bytes b, std::size_t at) { return load_le<std::uint16_t>(b + at); }
float f16(Bytes b, std::size_t at) { return f16_to_f32(u16(b, at)); }
std::uint32_t nibble(Bytes b, std::size_t at, bool high) {
  return u8(b, at) >> (high ? 4 : 0) & 15;
}
float real(std::uint32_t q) { return static_cast<float>(q); }
float real(std::int32_t q) { return static_cast<float>(q); }
std::int32_t minus(std::uint32_t q, std::int32_t offset) {
  return static_cast<std::int32_t>(q) - offset;
}

// --- One element ------------------------------------------------------------------------------

float f32_at(Bytes b, std::size_t) { return std::bit_cast<float>(load_le<std::uint32_t>(b)); }
float f16_at(Bytes b, std::size_t) { return f16(b, 0); }
float bf16_at(Bytes b, std::size_t) { return bf16_to_f32(u16(b, 0)); }

// --- Blocks of 32: element e of the block at b; byte j has elements j (low) and j + 16 (high) --

std::uint32_t q4(Bytes b, std::size_t qs, std::size_t e) { return nibble(b, qs + e % 16, e >= 16); }
std::uint32_t q5(Bytes b, std::size_t qh, std::size_t qs, std::size_t e) {
  return q4(b, qs, e) | (load_le<std::uint32_t>(b + qh) >> e & 1) << 4;
}

float q4_0_at(Bytes b, std::size_t e) { return f16(b, 0) * real(minus(q4(b, 2, e), 8)); }
float q4_1_at(Bytes b, std::size_t e) { return f16(b, 0) * real(q4(b, 4, e)) + f16(b, 2); }
float q5_0_at(Bytes b, std::size_t e) { return f16(b, 0) * real(minus(q5(b, 2, 6, e), 16)); }
float q5_1_at(Bytes b, std::size_t e) { return f16(b, 0) * real(q5(b, 4, 8, e)) + f16(b, 2); }
float q8_0_at(Bytes b, std::size_t e) { return f16(b, 0) * real(i8(b, 2 + e)); }
float iq4_nl_at(Bytes b, std::size_t e) {
  return f16(b, 0) * real(std::int32_t{kIq4Values[q4(b, 2, e)]});
}
float mxfp4_at(Bytes b, std::size_t e) {
  return mxfp4_scale(static_cast<std::uint8_t>(u8(b, 0))) *
         real(std::int32_t{kMxfp4Values[q4(b, 1, e)]});
}

// --- Blocks of 256 ----------------------------------------------------------------------------

// Two bits of element e: four runs of 32 elements share 32 bytes.
std::uint32_t q2(Bytes b, std::size_t qs, std::size_t e) {
  return u8(b, qs + e / 128 * 32 + e % 32) >> 2 * (e % 128 / 32) & 3;
}

float q2_k_at(Bytes b, std::size_t e) {
  const float scale = real(nibble(b, e / 16, false)), low = real(nibble(b, e / 16, true));
  return f16(b, 80) * scale * real(q2(b, 16, e)) - f16(b, 82) * low;
}

float q3_k_at(Bytes b, std::size_t e) {
  const std::size_t s = e / 16;
  const std::uint32_t scale =
      nibble(b, 96 + s % 8, s >= 8) | (u8(b, 104 + s % 4) >> 2 * (s / 4) & 3) << 4;
  const std::uint32_t top = u8(b, e % 32) >> e / 32 & 1;
  return f16(b, 108) * real(minus(scale, 32)) * real(minus(q2(b, 32, e) | top << 2, 4));
}

// Scale and minimum number s of Q4_K and Q5_K: six bits each in the twelve bytes from 4 on.
std::pair<float, float> scale_and_low(Bytes b, std::size_t s) {
  if (s < 4) return {real(u8(b, 4 + s) & 63), real(u8(b, 8 + s) & 63)};
  return {real(nibble(b, 8 + s, false) | u8(b, s) >> 6 << 4),
          real(nibble(b, 8 + s, true) | u8(b, 4 + s) >> 6 << 4)};
}

float q4_k_at(Bytes b, std::size_t e) {
  const auto [scale, low] = scale_and_low(b, e / 32);
  const std::uint32_t q = nibble(b, 16 + e / 64 * 32 + e % 32, e / 32 % 2 == 1);
  return f16(b, 0) * scale * real(q) - f16(b, 2) * low;
}

float q5_k_at(Bytes b, std::size_t e) {
  const auto [scale, low] = scale_and_low(b, e / 32);
  const std::uint32_t q = nibble(b, 48 + e / 64 * 32 + e % 32, e / 32 % 2 == 1) |
                          (u8(b, 16 + e % 32) >> e / 32 & 1) << 4;
  return f16(b, 0) * scale * real(q) - f16(b, 2) * low;
}

float q6_k_at(Bytes b, std::size_t e) {
  const std::size_t half = e / 128, run = e % 128 / 32, l = e % 32;
  const std::uint32_t q = nibble(b, 64 * half + 32 * (run % 2) + l, run >= 2) |
                          (u8(b, 128 + 32 * half + l) >> 2 * run & 3) << 4;
  return f16(b, 208) * real(i8(b, 192 + e / 16)) * real(minus(q, 32));
}

float iq4_xs_at(Bytes b, std::size_t e) {
  const std::size_t s = e / 32;
  const std::uint32_t scale =
      nibble(b, 4 + s / 2, s % 2 == 1) | (std::uint32_t{u16(b, 2)} >> 2 * s & 3) << 4;
  return f16(b, 0) * real(minus(scale, 32)) *
         real(std::int32_t{kIq4Values[q4(b, 8 + 16 * s, e % 32)]});
}

using ElementAt = float(Bytes block, std::size_t e);

template <ElementAt kAt>
void decode_blocks(const DTypeInfo& info, Bytes bytes, std::span<float> out) {
  for (std::size_t first = 0; first < out.size(); first += info.block_elems) {
    for (std::size_t e = 0; e < info.block_elems; ++e) out[first + e] = kAt(bytes, e);
    bytes += info.block_bytes;
  }
}

using Decode = void(const DTypeInfo& info, Bytes bytes, std::span<float> out);

Decode* decoder(DType type) {
  switch (type) {
    case DType::kF32: return decode_blocks<f32_at>;
    case DType::kF16: return decode_blocks<f16_at>;
    case DType::kBF16: return decode_blocks<bf16_at>;
    case DType::kQ4_0: return decode_blocks<q4_0_at>;
    case DType::kQ4_1: return decode_blocks<q4_1_at>;
    case DType::kQ5_0: return decode_blocks<q5_0_at>;
    case DType::kQ5_1: return decode_blocks<q5_1_at>;
    case DType::kQ8_0: return decode_blocks<q8_0_at>;
    case DType::kQ2_K: return decode_blocks<q2_k_at>;
    case DType::kQ3_K: return decode_blocks<q3_k_at>;
    case DType::kQ4_K: return decode_blocks<q4_k_at>;
    case DType::kQ5_K: return decode_blocks<q5_k_at>;
    case DType::kQ6_K: return decode_blocks<q6_k_at>;
    case DType::kIQ4_NL: return decode_blocks<iq4_nl_at>;
    case DType::kIQ4_XS: return decode_blocks<iq4_xs_at>;
    case DType::kMXFP4: return decode_blocks<mxfp4_at>;
    default: return nullptr;
  }
}

}  // namespace

float mxfp4_scale(std::uint8_t e) {
  const std::uint32_t bits = e < 2 ? 0x00200000u << e : (std::uint32_t{e} - 1) << 23;
  return std::bit_cast<float>(bits);
}

bool can_decode(DType type) { return decoder(type) != nullptr; }

void decode(DType type, const std::byte* bytes, std::span<float> out) {
  const DTypeInfo& info = dtype_info(type);
  assert(can_decode(type) && out.size() % info.block_elems == 0);
  decoder(type)(info, bytes, out);
}

}  // namespace eddy
