// The table of sequences: where each one's newest state lies and how many tokens led to it.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstdint>

#include "base/table.h"
#include "eddy/types.h"

namespace eddy {

enum class SeqStatus : std::uint8_t {
  kEmpty,   // no token yet, and zeros before the first
  kLive,    // has a state
  kLost,    // its state was torn by a failed computation in place
  kParked,  // its state was given to the owner to make room
};

struct Sequence {
  SeqStatus status = SeqStatus::kEmpty;
  CellId tail;                   // of a live sequence
  std::uint32_t generation = 0;  // of the tail when it became the tail
  Pos n_tokens = 0;              // of a live sequence; its newest position is one less
  SeqId next_sharer;             // the other sequences with the same tail: a doubly linked list
  SeqId prev_sharer;
};

// Whether a sequence can be read and extended: what its state is, is known.
inline bool has_known_state(const Sequence& s) {
  return s.status == SeqStatus::kEmpty || s.status == SeqStatus::kLive;
}

using Sequences = Table<SeqId, Sequence>;

}  // namespace eddy
