// StateView: serialised states (memory/state_format.h), validated whole and read where they lie.
//
// Untrusted bytes enter here and nowhere else. Nothing is allocated: a count is compared with the
// bytes that are left, and every offset follows from the memory's own layout.
//
// Threading: a value; reads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "eddy/result.h"
#include "memory/state_format.h"

namespace eddy {

enum class Checksums : std::uint8_t { kVerify, kIgnore };

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
  Pos n_tokens(std::uint32_t state) const;  // at least 1
  // The elements of row number `row` of StateFormat::rows.
  std::span<const std::byte> row(std::uint32_t state, std::size_t row) const;

 private:
  Status check_header(StateContent content, Checksums checksums) const;
  Status check_origin() const;
  Status check_sequences(Checksums checksums);
  Status check_size();
  Status check_state(std::uint32_t state, Checksums checksums) const;
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
