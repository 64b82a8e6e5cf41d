// State bytes in and out of cells: between the rows of StateTensors and memory/state_format.h.
//
// Rows pass through their buffers, so they may lie where the host cannot address them. Writing
// allocates the bytes and may throw std::bad_alloc; installing cannot fail.
//
// Threading: the thread that owns the memory.
#pragma once

#include <cstddef>
#include <vector>

#include "eddy/result.h"
#include "memory/ledger.h"
#include "memory/state_format.h"
#include "memory/state_tensors.h"
#include "memory/state_view.h"

namespace eddy {

// One cell's state. kNonFinite.
Result<std::vector<std::byte>> write_one_state(const StateFormat& format,
                                               const StateTensors& tensors, CellId cell,
                                               Pos n_tokens);

// The states of all live sequences, a shared one once. kNotFound: there is none. kNonFinite.
Result<std::vector<std::byte>> write_all_states(const StateFormat& format,
                                                const StateTensors& tensors, const Ledger& ledger);

// Writes state number `state` of validated bytes into a cell's rows.
void install_state(const StateView& view, std::uint32_t state, StateTensors& tensors,
                   CellId cell) noexcept;

}  // namespace eddy
