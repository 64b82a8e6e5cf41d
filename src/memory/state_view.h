// StateView: serialised states (memory/state_format.h), validated whole and read where they lie.
//
// Untrusted bytes enter the memory here and nowhere else. Nothing is allocated: a count is compared
// with the bytes that are left, and every length follows from the memory's own layout and a state's
// tokens.
//
// Threading: a value; reads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "eddy/result.h"
#include "memory/state_format.h"

namespace eddy {

// How many tokens bytes of one state say that they have seen; nullopt: too few bytes. The bytes
// need not be valid.
std::optional<std::uint64_t> tokens_of_state(std::span<const std::byte> bytes);

class StateView {
 public:
  // `bytes` and `format` must outlive the view.
  // kMalformed: cut, damaged, not canonical, trailing bytes. kMismatch: made for another model,
  // layout or element type, or for one sequence where all are wanted, or the other way round.
  // kUnsupported: another version. kNonFinite. Messages name the section.
  static Result<StateView> parse(std::span<const std::byte> bytes, const StateFormat& format,
                                 StateContent content, Checksums checksums);

  std::uint32_t n_states() const { return n_states_; }
  std::uint32_t n_sequences() const { return n_sequences_; }  // 0 of a single state
  StateOfSeq sequence(std::uint32_t i) const;

  // Walks the states in the order of their numbers, and the rows of each.
  class Reader {
   public:
    explicit Reader(const StateView& view) : view_(view), at_(view.first_state_) {}

    // The next state's tokens, at least 1. Rows of the one before may be left out.
    Pos next_state();
    // What the rows of a state are.
    std::span<const StateFormat::Row> rows() const { return view_.format_->rows; }
    // The elements of the state's next row; of K and V for all positions.
    std::span<const std::byte> next_row();

   private:
    std::span<const std::byte> next_section();

    const StateView& view_;
    std::uint64_t at_;
    std::size_t n_rows_left_ = 0;
  };

 private:
  Status check_header(StateContent content, Checksums checksums) const;
  Status check_origin() const;
  Status check_sequences(Checksums checksums);
  Status check_states(Checksums checksums) const;
  Result<std::uint64_t> check_state(std::uint32_t state, std::uint64_t at,
                                    Checksums checksums) const;
  Status check_section(std::uint64_t at, std::uint32_t tag, std::uint32_t index,
                       std::uint64_t n_payload, Checksums checksums) const;
  Status check_trailer() const;

  std::uint32_t u32(std::uint64_t at) const;
  std::uint64_t u64(std::uint64_t at) const;

  std::span<const std::byte> bytes_;
  const StateFormat* format_ = nullptr;
  std::uint32_t n_states_ = 1;
  std::uint32_t n_sequences_ = 0;
  std::uint64_t first_state_ = kHeaderBytes;  // offset of the first state's sections
};

}  // namespace eddy
