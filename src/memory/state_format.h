// The bytes of serialised states: one format for files, stores and other processes.
//
// Little-endian, canonical (a set of states has one spelling), sealed, no padding:
//
//   header   "EDDYSTAT"  u32 version  u32 content (1 one state, 2 all sequences)  u64 bytes in all
//            16 bytes model identity  16 bytes layout digest  u32 type_r  u32 type_s  u64 XXH3
//   section  u32 tag  u32 index  u64 payload bytes  payload  u64 XXH3 of the section up to here
//     SEQS   only of all sequences: u32 states, u32 sequences, then for each sequence, in rising
//            order of id, u32 id and u32 state; states are numbered in the order they are named
//     STAT   for each state (index: its number): u64 tokens that led to it; then its rows:
//     ROWR, ROWS  for each layer that keeps one (index: the layer), R before S: the elements
//   trailer  16 bytes XXH3-128 (big-endian, its canonical form) of everything before
//
// Letters as in memory/state_layout.h: ROWR is the recurrent state, ROWS the short convolution's.
// Element types are GGUF's ids. Tags, contents and the order are part of the format: never
// renumber. This file knows bytes; cells and sequences are state_io's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/state_layout.h"
#include "memory/state_tensors.h"

namespace eddy {

enum class Checksums : std::uint8_t { kVerify, kIgnore };

enum class StateContent : std::uint32_t { kOne = 1, kAll = 2 };  // part of the format

// What every state of one memory looks like.
struct StateFormat {
  struct Row {
    LayerId layer;
    StateKind kind;
    std::uint64_t n_bytes;
  };
  ModelIdentity identity;
  DType type_r = DType::kF32;
  DType type_s = DType::kF32;
  std::vector<Row> rows;  // in the order of the bytes
  std::array<std::uint8_t, 16> layout_digest{};
  std::uint64_t n_state_bytes = 0;  // of one state's sections

  // Cannot overflow: the rows exist in memory already.
  static StateFormat of(const StateTensors& tensors, const ModelIdentity& identity, DType type_r,
                        DType type_s);

  DType type(const Row& row) const { return row.kind == StateKind::kR ? type_r : type_s; }
};

// Which state a sequence has, in SEQS.
struct StateOfSeq {
  SeqId seq;
  std::uint32_t state = 0;
};

// Validated bytes. A view: the bytes must outlive it. Nothing is allocated.
class StateView {
 public:
  // Checks everything before it is looked at: lengths before counts, counts before offsets.
  // kMalformed, kMismatch, kNonFinite; messages name the section.
  static Result<StateView> parse(std::span<const std::byte> bytes, const StateFormat& format,
                                 StateContent content, Checksums checksums);

  std::uint32_t n_states() const { return n_states_; }
  std::uint32_t n_sequences() const { return n_sequences_; }  // 0 of a single state
  StateOfSeq sequence(std::uint32_t i) const;
  Pos n_tokens(std::uint32_t state) const;
  // The elements of row number `row` of StateFormat::rows.
  std::span<const std::byte> row(std::uint32_t state, std::size_t row) const;

 private:
  friend class StateParser;
  std::span<const std::byte> bytes_;
  const StateFormat* format_ = nullptr;
  std::uint32_t n_states_ = 0;
  std::uint32_t n_sequences_ = 0;
  std::uint64_t first_state_ = 0;  // offset
};

// Writes the bytes, in order: construct, then begin_state() and each of its rows, then finish().
class StateWriter {
 public:
  // May throw std::bad_alloc; nothing later does.
  StateWriter(const StateFormat& format, StateContent content, std::uint32_t n_states,
              std::span<const StateOfSeq> sequences);

  void begin_state(std::uint32_t state, Pos n_tokens);
  // Room for the next row's elements. Fill it before the next call.
  std::span<std::byte> next_row();
  std::vector<std::byte> finish();

 private:
  void put_u32(std::uint32_t value);
  void put_u64(std::uint64_t value);
  void begin_section(std::uint32_t tag, std::uint32_t index, std::uint64_t n_payload);
  void end_section();  // if one is open

  const StateFormat& format_;
  std::vector<std::byte> out_;
  std::size_t end_ = 0;      // of what is written
  std::size_t section_ = 0;  // start of the open section
  bool is_section_open_ = false;
  std::size_t row_ = 0;  // the next row of StateFormat::rows
};

}  // namespace eddy
