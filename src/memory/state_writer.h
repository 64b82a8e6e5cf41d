// StateWriter: makes the bytes of serialised states (memory/state_format.h).
//
//   StateWriter writer(format, StateContent::kOne, std::span(&n_tokens, 1), {});
//   writer.begin_state();
//   for (each row of the format) fill(writer.next_row());
//   std::vector<std::byte> bytes = writer.finish();
//
// Threading: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "memory/state_format.h"

namespace eddy {

class StateWriter {
 public:
  // `format` and `states`, the tokens of each, outlive the writer; `sequences` are empty unless
  // content is kAll. Allocates all bytes at once: may throw std::bad_alloc. No later call does.
  StateWriter(const StateFormat& format, StateContent content, std::span<const Pos> states,
              std::span<const StateOfSeq> sequences);

  // States come in the order of their numbers.
  void begin_state();

  // Room for the elements of the state's next row of StateFormat::rows (of K and V: for all
  // positions), to be filled before the next call.
  std::span<std::byte> next_row();

  // Seals. Every state must have all of its rows.
  std::vector<std::byte> finish();

 private:
  void put_header(StateContent content);
  void put_sequences(std::span<const StateOfSeq> sequences);
  void begin_section(std::uint32_t tag, std::uint32_t index, std::uint64_t n_payload);
  void end_section();  // seals the open section, if there is one

  template <class T>
  void put(T value);
  void put_sum(std::size_t from);

  const StateFormat& format_;
  std::span<const Pos> states_;
  std::vector<std::byte> bytes_;
  std::size_t end_ = 0;         // of what is written
  std::size_t section_ = 0;     // offset of the open section; 0: none is open
  std::size_t next_state_ = 0;  // number
  std::size_t next_row_ = 0;    // index into StateFormat::rows
};

}  // namespace eddy
