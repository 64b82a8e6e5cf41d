// StateWriter: makes the bytes of serialised states (memory/state_format.h).
//
//   StateWriter writer(format, {.content = StateContent::kOne, .states = std::span(&n_tokens, 1)});
//   writer.begin_state();
//   for (each row of the format) writer.add_row([](auto& out, n_bytes) { append n_bytes to out });
//   std::vector<std::byte> bytes = writer.finish();
//
// Threading: one thread.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/state_format.h"

namespace eddy {

class StateWriter {
 public:
  struct Params {
    StateContent content = StateContent::kOne;
    std::span<const Pos> states;                 // the tokens of each; outlive the writer
    std::span<const StateOfSeq> sequences = {};  // none unless content is kAll
    Margins margins = {};
  };
  // `format` outlives the writer. Allocates all bytes at once: may throw std::bad_alloc. No later
  // call does.
  StateWriter(const StateFormat& format, const Params& params);

  // States come in the order of their numbers.
  void begin_state();

  // Adds the elements of the state's next row of StateFormat::rows (of K and V: of all positions),
  // which `append_to(bytes, n_bytes)` appends. Returns them; valid until the next call.
  template <class AppendTo>
  std::span<const std::byte> add_row(const AppendTo& append_to) {
    const std::uint64_t n_bytes = begin_row();
    const std::size_t first = bytes_.size();
    append_to(bytes_, n_bytes);
    assert(bytes_.size() == first + n_bytes);
    return std::span<const std::byte>(bytes_).subspan(first, n_bytes);
  }

  // Seals. Every state must have all of its rows.
  std::vector<std::byte> finish();

 private:
  void put_header(StateContent content, std::uint64_t n_bytes);
  void put_sequences(std::span<const StateOfSeq> sequences);
  void begin_section(std::uint32_t tag, std::uint32_t index, std::uint64_t n_payload);
  std::uint64_t begin_row();  // bytes of its elements
  void end_section();         // seals the open section, if there is one

  template <class T>
  void put(T value);
  void put_sum(std::size_t from);

  const StateFormat& format_;
  std::span<const Pos> states_;
  std::vector<std::byte> bytes_;
  std::size_t start_ = 0;       // offset of the header
  std::size_t section_ = 0;     // offset of the open section; 0: none is open
  std::size_t next_state_ = 0;  // number
  std::size_t next_row_ = 0;    // index into StateFormat::rows
};

}  // namespace eddy
