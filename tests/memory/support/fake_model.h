// A stand-in for a model: a 64-bit hash of the tokens stands for a state. Its kernels obey the
// contract of real ones: they read row src (or zeros) and write row dst of their own lane, through
// the buffer alone; in attention layers they read the position before their tokens, and write K and
// V of each: the hash of the tokens up to it. Every tensor holds the hash under its own key,
// spelled in the mantissas of finite numbers near 1, so that rows of different tensors, wiped rows
// and foreign rows all differ.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
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
  return fold(0x1234567, Token(4 * layer.value + static_cast<int>(kind)));
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

// The address of a row of the log through its buffer: one float, the token.
inline std::uint64_t log_offset(const LogRows& rows, const KvLane& lane, std::int64_t pos) {
  const auto page = lane.pages[static_cast<std::size_t>(pos / kKvPage - lane.first_page)];
  return rows.offset + static_cast<std::uint64_t>(page) * rows.stride +
         static_cast<std::uint64_t>(pos % kKvPage) * rows.n_elems * sizeof(float);
}

// Leaves the tokens of one tensor's lanes in its log.
inline void run_log(const RecurrentContext& context, const StateRows& rows, std::size_t n_lanes) {
  for (std::size_t i = 0; i < std::min(n_lanes, rows.log_lanes.size()); ++i) {
    const Lane& lane = context.lanes()[i];
    const KvLane& log = rows.log_lanes[i];
    for (std::int32_t t = 0; t < lane.n_tokens; ++t) {
      if ((log.pos + t) / kKvPage < log.first_page) continue;
      const auto token = static_cast<float>(
          context.ubatch().tokens[static_cast<std::size_t>(lane.first_token + t)].value);
      rows.log.buffer->write(log_offset(rows.log, log, log.pos + t),
                             std::as_bytes(std::span(&token, 1)));
    }
  }
}

// Makes a state of one tensor again.
inline void replay_kernel(const StateRows& rows, std::uint64_t key, const Replay& replay) {
  const Lane& lane = replay.lane;
  const auto found = lane.src == kZeroRow ? key : read_hash(rows, lane.src);
  std::uint64_t hash = found.value_or(0xBAD) ^ key;
  for (std::int32_t t = 0; t < lane.n_tokens; ++t) {
    float token = 0;
    rows.log.buffer->read(log_offset(rows.log, replay.log, replay.log.pos + t),
                          std::as_writable_bytes(std::span(&token, 1)));
    hash = fold(hash, Token(static_cast<std::int32_t>(token)));
  }
  write_hash(rows, lane.dst, hash ^ key);
}

// Byte offset of a position's K or V in the buffer, as a kernel finds it.
inline std::uint64_t kv_offset(const KvPages& pages, const KvLane& lane, std::int32_t pos,
                               StateKind kind) {
  const auto page = lane.pages[static_cast<std::size_t>(pos / kKvPage - lane.first_page)];
  const auto row = static_cast<std::uint64_t>(pos % kKvPage);
  return pages.offset + static_cast<std::uint64_t>(page) * pages.stride +
         (kind == StateKind::kK ? row * pages.k_bytes
                                : kKvPage * pages.k_bytes + row * pages.v_bytes);
}

// One layer's attention over all lanes, or over the first n_lanes. Windows are at least 2.
inline void run_attention(const RecurrentContext& context, LayerId il,
                          std::size_t n_lanes = SIZE_MAX) {
  const KvView view = context.get_kv_l(il);
  const std::size_t n = dtype_info(view.pages.type).block_bytes * n_hash_elems(view.pages.type);
  std::byte bytes[40];
  const auto row = std::span(bytes).first(n);
  for (std::size_t i = 0; i < std::min(n_lanes, view.lanes.size()); ++i) {
    const Lane& lane = context.lanes()[i];
    const KvLane& kv = view.lanes[i];
    std::uint64_t hash = 0;
    for (const StateKind kind : {StateKind::kK, StateKind::kV}) {
      if (kv.pos == 0) break;
      view.pages.buffer->read(kv_offset(view.pages, kv, kv.pos - 1, kind), row);
      const auto found = take_hash(view.pages.type, row).value_or(0xBAD) ^ key_of(il, kind);
      hash = kind == StateKind::kK || found == hash ? found : 0xBAD;
    }
    for (std::int32_t t = 0; t < lane.n_tokens; ++t) {
      hash = fold(hash, context.ubatch().tokens[static_cast<std::size_t>(lane.first_token + t)]);
      for (const StateKind kind : {StateKind::kK, StateKind::kV}) {
        put_hash(hash ^ key_of(il, kind), view.pages.type, row);
        view.pages.buffer->write(kv_offset(view.pages, kv, kv.pos + t, kind), row);
      }
    }
  }
}

// All layers, or what a computation that fails has done: over its first n_lanes.
inline void run_model(const RecurrentContext& context, std::size_t n_layers,
                      std::size_t n_lanes = SIZE_MAX) {
  for (std::size_t i = 0; i < n_layers; ++i) {
    const LayerId il(static_cast<std::int32_t>(i));
    run_kernel(context, context.get_r_l(il), key_of(il, StateKind::kR), n_lanes);
    run_kernel(context, context.get_s_l(il), key_of(il, StateKind::kS), n_lanes);
    run_log(context, context.get_r_l(il), n_lanes);
    run_log(context, context.get_s_l(il), n_lanes);
    run_attention(context, il, n_lanes);
  }
}

// What is wrong with a cell that should hold these tokens' state; empty: nothing. `tensors` are
// those of R and S.
inline std::string wrong_content(const KvMemory& kv, std::span<const StateTensor> tensors,
                                 CellId cell, std::span<const Token> tokens,
                                 std::uint64_t base = 0) {
  const std::uint64_t hash = fold(base, tokens);
  for (const StateTensor& t : tensors) {
    if (read_hash(t.rows, cell.value) == (hash ^ key_of(t.layer, t.kind))) continue;
    return fmt::format("layer {}: {}", t.layer.value, state_letter(t.kind));
  }
  std::vector<std::byte> row;
  for (const KvTensor& t : kv.all()) {
    const Pos first = first_visible(static_cast<Pos>(tokens.size()), t.window);
    std::uint64_t prefix = 0;
    for (Pos p = 0; p < static_cast<Pos>(tokens.size()); ++p) {
      prefix = fold(prefix, tokens[static_cast<std::size_t>(p)]);
      if (p < first) continue;
      row.resize(t.row_bytes);
      kv.read(t, cell, p, row);
      if (take_hash(t.pages.type, row) == (prefix ^ key_of(t.layer, t.kind))) continue;
      return fmt::format("layer {}: {} of position {}", t.layer.value, state_letter(t.kind), p);
    }
  }
  return {};
}

// The tensors of R and S of a memory without an open context.
inline std::vector<StateTensor> tensors_of(RecurrentMemory& memory, std::size_t n_layers) {
  std::vector<StateTensor> tensors;
  const auto context = memory.init_update();
  for (std::size_t i = 0; context.ok() && i < n_layers; ++i) {
    const LayerId il(static_cast<std::int32_t>(i));
    const auto add = [&](StateKind kind, const StateRows& rows) {
      const std::uint64_t n_bytes = row_bytes(rows.type, rows.n_elems).value_or(0);
      if (rows.buffer) tensors.push_back({il, kind, rows, n_bytes});
    };
    add(StateKind::kR, context->get_r_l(il));
    add(StateKind::kS, context->get_s_l(il));
  }
  return tensors;
}

// Rows that hold a hash in every layer's R and S.
inline StateLayout hash_layout(std::size_t n_layers, DType type_r = DType::kF32,
                               DType type_s = DType::kF32) {
  return {.layers = std::vector<StateLayout::Layer>(n_layers, {.r_elems = n_hash_elems(type_r),
                                                               .s_elems = n_hash_elems(type_s),
                                                               .r_log_elems = 1,
                                                               .s_log_elems = 1})};
}

// Recurrent layers, then for each window an attention layer whose rows hold a hash.
inline StateLayout hybrid_layout(std::size_t n_recurrent, std::initializer_list<int> windows) {
  StateLayout layout = hash_layout(n_recurrent);
  for (const int window : windows)
    layout.layers.push_back({.k_elems = 3, .v_elems = 3, .window = window});
  return layout;
}

inline ModelIdentity test_identity(std::uint8_t number = 7) {
  ModelIdentity identity;
  identity.bytes.fill(number);
  return identity;
}

}  // namespace eddy::test
