// Frequencies of rotary position embeddings, as whole numbers: how far a pair turns from one
// position to the next, in 2^-64 turns. position * turns, cut to 64 bits, is the angle modulo a
// turn: exact to position * 2^-65 turns, the same on every machine, for every position.
#pragma once

#include <cstdint>
#include <vector>

namespace eddy {

// `radians` for each position, 0 <= radians < 2^20.
std::uint64_t turns_of(double radians);

// Pair d of n_dims / 2 turns by scale * base^(-2 d / n_dims) radians (Su et al. 2021,
// section 3.2.2; scale is 1 there). base is at least 1. Computed without the C library's functions,
// whose bits differ between machines.
std::vector<std::uint64_t> rope_turns(double base, std::int64_t n_dims, double scale = 1);

}  // namespace eddy
