// StateWriter: makes the bytes of serialised states (memory/state_format.h).
//
//   StateWriter writer(format, {.content = StateContent::kOne, .states = std::span(&n_tokens, 1)});
//   writer.begin_state();
//   for (each row of the format) writer.add_row([](std::uint64_t first, auto out) { fill out });
//   std::vector<std::byte> bytes = writer.finish();
//
// A state's bytes are written once and read once: each piece is copied, looked through and summed
// up while it is in the first-level cache.
//
// Threading: one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "memory/finite.h"
#include "memory/state_format.h"

namespace eddy {

class StateWriter {
 public:
  struct Params {
    StateContent content = StateContent::kOne;
    std::span<const Pos> states;                 // the tokens of each; outlive the writer
    std::span<const StateOfSeq> sequences = {};  // none unless content is kAll
    StateFrame frame = {};
  };
  // `format` outlives the writer. Allocates all bytes at once: may throw std::bad_alloc. No later
  // call does.
  StateWriter(const StateFormat& format, Params&& params);

  // States come in the order of their numbers.
  void begin_state();

  // Adds the elements of the state's next row of StateFormat::rows (of K and V: of all positions):
  // piece by piece, whole elements (of K and V whole positions), `read(first, out)` fills `out`
  // with those from byte `first` on. Returns the index of the first that is not a finite number,
  // after which the writer is of no use.
  template <class Read>
  std::optional<std::uint64_t> add_row(const Read& read) {
    const Piece piece = begin_row();
    for (std::uint64_t first = 0; first < piece.n_row_bytes; first += piece.n_bytes) {
      const auto out = claim(std::min(piece.n_bytes, piece.n_row_bytes - first));
      read(first, out);
      if (const auto element = first_non_finite(piece.type.type, out)) {
        return first / piece.type.block_bytes * piece.type.block_elems + *element;
      }
      sum_up();
    }
    return std::nullopt;
  }

  // Seals. Every state must have all of its rows.
  std::vector<std::byte> finish();

 private:
  struct Piece {
    const DTypeInfo& type;
    std::uint64_t n_row_bytes = 0;
    std::uint64_t n_bytes = 0;  // of a piece; the last may have fewer
  };

  void put_header(StateContent content, std::uint64_t n_bytes);
  void put_sequences(std::span<const StateOfSeq> sequences);
  void begin_section(std::uint32_t tag, std::uint32_t index, std::uint64_t n_payload);
  Piece begin_row();
  void end_section();  // seals the open section or the header, if there is one

  std::span<std::byte> claim(std::uint64_t n_bytes);  // as many behind those that are there
  void put_bytes(std::span<const std::byte> bytes);
  template <class T>
  void put(T value);
  void sum_up();

  const StateFormat& format_;
  std::span<const Pos> states_;
  std::vector<std::byte> bytes_;  // the first n_used_ count
  std::size_t n_used_ = 0;
  Checksum section_sum_;
  Checksum sum_;
  Checksum* owner_sum_;
  std::size_t n_summed_ = 0;  // bytes that the sums have had
  Checksums checksums_;
  bool is_open_ = true;         // a section, or the header, that has no sum yet
  std::size_t next_state_ = 0;  // number
  std::size_t next_row_ = 0;    // index into StateFormat::rows
};

}  // namespace eddy
