// State bytes in and out of cells: between the rows of StateTensors and the pages of KvMemory, and
// memory/state_format.h.
//
// Rows pass through their buffers, so they may lie where the host cannot address them. Writing
// allocates the bytes and may throw std::bad_alloc; installing cannot fail.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "eddy/result.h"
#include "memory/kv_memory.h"
#include "memory/ledger.h"
#include "memory/state_format.h"
#include "memory/state_tensors.h"
#include "memory/state_view.h"

namespace eddy {

// What states are written from.
struct StateSource {
  const StateFormat& format;
  const StateTensors& tensors;
  const KvMemory& kv;
};

// One cell's state, with what is around it. kNonFinite.
Result<std::vector<std::byte>> write_one_state(const StateSource& source, CellId cell, Pos n_tokens,
                                               StateFrame frame = {});

// A state of no token: R by layer, the rest zeros. As RecurrentMemory::initial_state().
Result<std::vector<std::byte>> write_initial_state(const StateFormat& format,
                                                   std::span<const std::vector<float>> r);

// The states of all live sequences, a shared one once. kNotFound: there is none. kNonFinite.
Result<std::vector<std::byte>> write_all_states(const StateSource& source, const Ledger& ledger);

// Writes the next state of validated bytes into a staged cell: its rows, and pages that it takes.
// Returns its tokens.
Pos install_state(StateView::Reader& reader, StateTensors& tensors, KvMemory& kv,
                  CellId cell) noexcept;

}  // namespace eddy
