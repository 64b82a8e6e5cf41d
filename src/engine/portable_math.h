// Arithmetic that gives the same bits on every machine, which the C library's does not promise.
#pragma once

#include <cstdint>

namespace eddy {

// e^x for x <= 0, within 1e-15 relative; 0 below -700. Every step is one IEEE operation.
double portable_exp(double x);

// The random number in [0, 1) that belongs to (seed, counter): the output number `counter` of a
// SplitMix64 generator (Steele, Lea & Flood 2014) that starts at a scrambled seed, upper 53 bits.
double counter_random(std::uint64_t seed, std::uint64_t counter);

}  // namespace eddy
