#include "support/allocation_hook.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// Tests of several threads allocate too, while nobody looks.
std::atomic<std::int64_t> n_made = 0;
std::atomic<std::int64_t> n_left = -1;
std::atomic<bool> has_failed = false;
std::atomic<std::int64_t> n_bytes_now = 0;

// glibc's chunks have 8 bytes of their own and are multiples of 16, at least 32. A sanitizer's
// allocator tells what was asked for instead: rounded the same way.
std::int64_t bytes_of(void* p) {
  if (!p) return 0;
  const std::size_t n = (malloc_usable_size(p) + sizeof(std::size_t) + 15) / 16 * 16;
  return static_cast<std::int64_t>(n < 32 ? 32 : n);
}

void give_back(void* p) {
  n_bytes_now -= bytes_of(p);
  std::free(p);
}

}  // namespace

namespace eddy::test {

std::int64_t n_allocations() { return n_made; }

std::int64_t n_allocated_bytes() { return n_bytes_now; }

void fail_allocation(std::int64_t n) {
  n_left = n;
  has_failed = false;
}

bool allocation_has_failed() { return has_failed; }

}  // namespace eddy::test

void* operator new(std::size_t n_bytes) {
  ++n_made;
  if (n_left >= 0 && n_left-- == 0) {
    has_failed = true;
    throw std::bad_alloc();
  }
  void* const made = std::malloc(n_bytes == 0 ? 1 : n_bytes);
  if (!made) throw std::bad_alloc();
  n_bytes_now += bytes_of(made);
  return made;
}
void* operator new[](std::size_t n_bytes) { return operator new(n_bytes); }
void* operator new(std::size_t n_bytes, const std::nothrow_t&) noexcept try {
  return operator new(n_bytes);
} catch (const std::bad_alloc&) {
  return nullptr;
}
void* operator new[](std::size_t n_bytes, const std::nothrow_t& tag) noexcept {
  return operator new(n_bytes, tag);
}
void operator delete(void* p) noexcept { give_back(p); }
void operator delete[](void* p) noexcept { give_back(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { give_back(p); }
void operator delete(void* p, std::size_t) noexcept { give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p); }
