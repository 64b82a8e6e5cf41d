// A stand-in for a model: a 64-bit hash of the tokens stands for a state. Its kernel obeys the
// contract of real ones: it reads row src (or zeros) and writes row dst of its own lane, through
// the buffer alone. Every tensor holds the hash under its own key, spelled in the mantissas of
// finite numbers near 1, so that rows of different tensors, wiped rows and foreign rows all differ.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "eddy/types.h"
#include "memory/recurrent_memory.h"
#include "support/test_device.h"

namespace eddy::test {

// The hash of the tokens so far; 0: none.
inline std::uint64_t fold(std::uint64_t hash, Token token) {
  hash = (hash ^ static_cast<std::uint64_t>(token.value + 1)) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}
inline std::uint64_t fold(std::uint64_t hash, std::span<const Token> tokens) {
  for (const Token token : tokens) hash = fold(hash, token);
  return hash;
}

inline std::uint64_t key_of(LayerId layer, StateKind kind) {
  return fold(0x1234567, Token(2 * layer.value + (kind == StateKind::kR ? 0 : 1)));
}

// Elements that a row needs to hold a hash, and the bits each of them takes.
constexpr std::uint64_t n_hash_elems(DType type) { return type == DType::kF32 ? 3 : 10; }
constexpr int n_hash_bits(DType type) { return type == DType::kF32 ? 22 : 7; }
constexpr std::uint32_t one_bits(DType type) {  // 1.0
  return type == DType::kF32 ? 0x3F800000u : type == DType::kF16 ? 0x3C00u : 0x3F80u;
}

inline std::size_t put_hash(std::uint64_t value, DType type, std::span<std::byte> row) {
  const std::size_t n_bytes = dtype_info(type).block_bytes;
  for (std::size_t i = 0; i < n_hash_elems(type); ++i) {
    const int shift = n_hash_bits(type) * static_cast<int>(i);
    const auto piece = static_cast<std::uint32_t>(value >> shift) & ((1u << n_hash_bits(type)) - 1);
    const std::uint32_t bits = one_bits(type) | piece;
    std::memcpy(row.data() + i * n_bytes, &bits, n_bytes);
  }
  return n_hash_elems(type) * n_bytes;
}

// nullopt: no hash was put there.
inline std::optional<std::uint64_t> take_hash(DType type, std::span<const std::byte> row) {
  const std::size_t n_bytes = dtype_info(type).block_bytes;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < n_hash_elems(type); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, row.data() + i * n_bytes, n_bytes);
    if ((bits & one_bits(type)) != one_bits(type)) return std::nullopt;
    value |= std::uint64_t{bits ^ one_bits(type)} << (n_hash_bits(type) * static_cast<int>(i));
  }
  return value;
}

inline void write_hash(const StateRows& rows, std::int32_t row, std::uint64_t value) {
  std::byte bytes[40];
  const std::size_t n = put_hash(value, rows.type, bytes);
  rows.buffer->write(rows.offset + static_cast<std::uint64_t>(row) * rows.stride,
                     std::span(bytes).first(n));
}

inline std::optional<std::uint64_t> read_hash(const StateRows& rows, std::int32_t row) {
  std::byte bytes[40];
  const std::size_t n = n_hash_elems(rows.type) * dtype_info(rows.type).block_bytes;
  rows.buffer->read(rows.offset + static_cast<std::uint64_t>(row) * rows.stride,
                    std::span(bytes).first(n));
  return take_hash(rows.type, std::span(bytes).first(n));
}

// One layer's tensor over all lanes of the context's micro-batch, or over its first n_lanes.
inline void run_kernel(const RecurrentContext& context, const StateRows& rows, std::uint64_t key,
                       std::size_t n_lanes = SIZE_MAX) {
  if (rows.n_elems == 0) return;
  for (const Lane& lane : context.lanes().first(std::min(n_lanes, context.lanes().size()))) {
    const auto found = lane.src == kZeroRow ? key : read_hash(rows, lane.src);
    const std::uint64_t before = found.value_or(0xBAD) ^ key;
    const auto tokens = context.ubatch().tokens.subspan(static_cast<std::size_t>(lane.first_token),
                                                        static_cast<std::size_t>(lane.n_tokens));
    write_hash(rows, lane.dst, fold(before, tokens) ^ key);
  }
}

inline void run_model(const RecurrentContext& context, std::size_t n_layers) {
  for (std::size_t i = 0; i < n_layers; ++i) {
    const LayerId il(static_cast<std::int32_t>(i));
    run_kernel(context, context.get_r_l(il), key_of(il, StateKind::kR));
    run_kernel(context, context.get_s_l(il), key_of(il, StateKind::kS));
  }
}

// Rows that hold a hash in every layer's R and S.
inline StateLayout hash_layout(std::size_t n_layers, DType type_r = DType::kF32,
                               DType type_s = DType::kF32) {
  return {.layers = std::vector<StateLayout::Layer>(
              n_layers, {.r_elems = n_hash_elems(type_r), .s_elems = n_hash_elems(type_s)})};
}

inline ModelIdentity test_identity(std::uint8_t number = 7) {
  ModelIdentity identity;
  identity.bytes.fill(number);
  return identity;
}

}  // namespace eddy::test
