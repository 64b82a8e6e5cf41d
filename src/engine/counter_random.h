// Random numbers that are the same on every machine, and need no generator that remembers.
#pragma once

#include <cstdint>

namespace eddy {

// The random number in [0, 1) that belongs to (seed, counter): the output number `counter` of a
// SplitMix64 generator (Steele, Lea & Flood 2014) that starts at a scrambled seed, upper 53 bits.
double counter_random(std::uint64_t seed, std::uint64_t counter);

}  // namespace eddy
