#include "tensor/encode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>

#include "base/half.h"
#include "base/little_endian.h"
#include "tensor/block_fit.h"

namespace eddy {
namespace {

using Values = std::span<const float>;
using Out = std::byte*;

void put_f16(Out out, float v) { store_le(out, f32_to_f16(v)); }
void put_u8(Out out, int v) { *out = static_cast<std::byte>(v); }

// --- One element ------------------------------------------------------------------------------

void f32_block(Values x, Out out) { store_le(out, std::bit_cast<std::uint32_t>(x[0])); }
void f16_block(Values x, Out out) { put_f16(out, x[0]); }
void bf16_block(Values x, Out out) { store_le(out, f32_to_bf16(x[0])); }

// --- Blocks of 32 -----------------------------------------------------------------------------

void q8_0_block(Values x, Out out) {
  float largest = 0;
  for (const float v : x) largest = std::max(largest, std::abs(v));
  const float inverse = largest == 0 ? 0 : 127 / largest;
  put_f16(out, largest / 127);
  for (std::size_t i = 0; i < 32; ++i) {
    put_u8(out + 2 + i, static_cast<int>(std::nearbyint(x[i] * inverse)));
  }
}

// Elements j and j + 16 share byte j.
void put_nibbles(std::span<const int> q, Out out) {
  for (std::size_t j = 0; j < 16; ++j) put_u8(out + j, (q[j] & 15) | (q[j + 16] & 15) << 4);
}

void put_fifth_bits(std::span<const int> q, Out out) {
  std::uint32_t bits = 0;
  for (std::size_t e = 0; e < 32; ++e) bits |= (static_cast<std::uint32_t>(q[e]) >> 4 & 1) << e;
  store_le(out, bits);
}

void q4_0_block(Values x, Out out) {
  std::array<int, 32> q{};
  put_f16(out, fit_scale(x, {-8, 7}));
  quantise(x, {.scale = f16_to_f32(load_le<std::uint16_t>(out))}, {-8, 7}, q);
  for (int& v : q) v += 8;
  put_nibbles(q, out + 2);
}

void q5_0_block(Values x, Out out) {
  std::array<int, 32> q{};
  put_f16(out, fit_scale(x, {-16, 15}));
  quantise(x, {.scale = f16_to_f32(load_le<std::uint16_t>(out))}, {-16, 15}, q);
  for (int& v : q) v += 16;
  put_fifth_bits(q, out + 2);
  put_nibbles(q, out + 6);
}

void q5_1_block(Values x, Out out) {
  std::array<int, 32> q{};
  const Fit fit = fit_scale_and_low(x, 31, LowSign::kAny);
  put_f16(out, fit.scale);
  put_f16(out + 2, -fit.low);
  const Fit stored = {.scale = f16_to_f32(load_le<std::uint16_t>(out)),
                      .low = -f16_to_f32(load_le<std::uint16_t>(out + 2))};
  quantise(x, stored, {0, 31}, q);
  put_fifth_bits(q, out + 4);
  put_nibbles(q, out + 8);
}

// --- Blocks of 256 ----------------------------------------------------------------------------

// Eight scales and eight minima of six bits in twelve bytes.
void put_six_bits(std::span<const int> scale, std::span<const int> low, Out out) {
  for (std::size_t s = 0; s < 4; ++s) {
    put_u8(out + s, scale[s] | scale[s + 4] >> 4 << 6);
    put_u8(out + 4 + s, low[s] | low[s + 4] >> 4 << 6);
    put_u8(out + 8 + s, (scale[s + 4] & 15) | (low[s + 4] & 15) << 4);
  }
}

// The part that Q4_K and Q5_K share: writes the halves and the scales, and finds all quants.
void fit_runs_of_32(Values x, int most, Out out, std::span<int> q) {
  std::array<Fit, 8> fits;
  float largest_scale = 0, largest_low = 0;
  for (std::size_t s = 0; s < 8; ++s) {
    fits[s] = fit_scale_and_low(x.subspan(32 * s, 32), most, LowSign::kNotNegative);
    largest_scale = std::max(largest_scale, fits[s].scale);
    largest_low = std::max(largest_low, fits[s].low);
  }
  put_f16(out, largest_scale / 63);
  put_f16(out + 2, largest_low / 63);
  const float d = f16_to_f32(load_le<std::uint16_t>(out));
  const float d_low = f16_to_f32(load_le<std::uint16_t>(out + 2));
  std::array<int, 8> scale{}, low{};
  for (std::size_t s = 0; s < 8; ++s) {
    scale[s] = nearest(fits[s].scale, d, {0, 63});
    low[s] = nearest(fits[s].low, d_low, {0, 63});
    quantise(x.subspan(32 * s, 32),
             {.scale = d * static_cast<float>(scale[s]), .low = d_low * static_cast<float>(low[s])},
             {0, most}, q.subspan(32 * s, 32));
  }
  put_six_bits(scale, low, out + 4);
}

// Runs of 32 in pairs: an even run in the low nibbles of 32 bytes, the next one in the high ones.
void put_run_nibbles(std::span<const int> q, Out out) {
  for (std::size_t i = 0; i < 128; ++i) {
    const std::size_t even = i / 32 * 64 + i % 32;
    put_u8(out + i, (q[even] & 15) | (q[even + 32] & 15) << 4);
  }
}

void q4_k_block(Values x, Out out) {
  std::array<int, 256> q{};
  fit_runs_of_32(x, 15, out, q);
  put_run_nibbles(q, out + 16);
}

void q5_k_block(Values x, Out out) {
  std::array<int, 256> q{};
  fit_runs_of_32(x, 31, out, q);
  for (std::size_t j = 0; j < 32; ++j) {
    int bits = 0;
    for (std::size_t run = 0; run < 8; ++run) bits |= (q[32 * run + j] >> 4 & 1) << run;
    put_u8(out + 16 + j, bits);
  }
  put_run_nibbles(q, out + 48);
}

void q6_k_block(Values x, Out out) {
  std::array<float, 16> scales;
  float largest = 0;
  for (std::size_t s = 0; s < 16; ++s) {
    scales[s] = fit_scale(x.subspan(16 * s, 16), {-32, 31});
    if (std::abs(scales[s]) > std::abs(largest)) largest = scales[s];
  }
  put_f16(out + 208, -largest / 128);  // the largest becomes -128
  const float d = f16_to_f32(load_le<std::uint16_t>(out + 208));
  std::array<int, 256> q{};
  for (std::size_t s = 0; s < 16; ++s) {
    const int scale = nearest(scales[s], d, {-128, 127});
    put_u8(out + 192 + s, scale);
    quantise(x.subspan(16 * s, 16), {.scale = d * static_cast<float>(scale)}, {-32, 31},
             std::span(q).subspan(16 * s, 16));
  }
  for (std::size_t e = 0; e < 256; ++e) {
    const std::size_t half = e / 128, run = e % 128 / 32, l = e % 32;
    const int code = q[e] + 32;
    out[64 * half + 32 * (run % 2) + l] |= static_cast<std::byte>((code & 15) << (run < 2 ? 0 : 4));
    out[128 + 32 * half + l] |= static_cast<std::byte>(code >> 4 << 2 * run);
  }
}

using EncodeBlock = void(Values block, Out out);

EncodeBlock* encoder(DType type) {
  switch (type) {
    case DType::kF32: return f32_block;
    case DType::kF16: return f16_block;
    case DType::kBF16: return bf16_block;
    case DType::kQ8_0: return q8_0_block;
    case DType::kQ4_0: return q4_0_block;
    case DType::kQ5_0: return q5_0_block;
    case DType::kQ5_1: return q5_1_block;
    case DType::kQ4_K: return q4_k_block;
    case DType::kQ5_K: return q5_k_block;
    case DType::kQ6_K: return q6_k_block;
    default: return nullptr;
  }
}

}  // namespace

bool can_encode(DType type) { return encoder(type) != nullptr; }

void encode(DType type, std::span<const float> values, std::byte* out) {
  const DTypeInfo& info = dtype_info(type);
  assert(can_encode(type) && values.size() % info.block_elems == 0);
  EncodeBlock* const encode_block = encoder(type);
  std::fill_n(out, values.size() / info.block_elems * info.block_bytes, std::byte{0});
  for (std::size_t first = 0; first < values.size(); first += info.block_elems) {
    encode_block(values.subspan(first, info.block_elems), out);
    out += info.block_bytes;
  }
}

}  // namespace eddy
