// Replaces operator new for a test program and counts what is taken.
//
// Threading: safe from all threads.
#pragma once

#include <cstdint>

namespace eddy::test {

// Allocations since the start of the program.
std::int64_t n_allocations();

// Bytes that are allocated now, as they were asked for.
std::int64_t n_allocated_bytes();

// The most bytes that were allocated at one time since reset_peak().
std::int64_t peak_allocated_bytes();
void reset_peak();

}  // namespace eddy::test
