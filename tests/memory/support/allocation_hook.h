// Replaces operator new for a test program: counts allocations, and can make the n-th fail.
// One thread.
#pragma once

#include <cstdint>

namespace eddy::test {

std::int64_t n_allocations();

// Bytes that are allocated now, with the allocator's own words around them.
std::int64_t n_allocated_bytes();

// The n-th allocation from now on, counted from 0, throws std::bad_alloc; once. -1: none does.
void fail_allocation(std::int64_t n);

// Whether the failure asked for has happened.
bool allocation_has_failed();

}  // namespace eddy::test
