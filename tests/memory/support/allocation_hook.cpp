#include "support/allocation_hook.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {

std::int64_t n_made = 0;
std::int64_t n_left = -1;
bool has_failed = false;
std::int64_t n_bytes_now = 0;

std::int64_t bytes_of(void* p) {
  return p ? static_cast<std::int64_t>(malloc_usable_size(p) + sizeof(std::size_t)) : 0;
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
