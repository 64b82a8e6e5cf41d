#include "base/support/allocation_meter.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

std::atomic<std::int64_t> n_made = 0;
std::atomic<std::int64_t> n_now = 0;
std::atomic<std::int64_t> n_peak = 0;

// Before each allocation lies its size.
constexpr std::size_t kHead = alignof(std::max_align_t);
static_assert(kHead >= sizeof(std::size_t));

void* take(std::size_t n_bytes) {
  const std::size_t n_all = n_bytes + kHead;
  auto* const head = static_cast<std::byte*>(n_all < kHead ? nullptr : std::malloc(n_all));
  if (!head) throw std::bad_alloc();
  std::memcpy(head, &n_bytes, sizeof n_bytes);
  ++n_made;
  const std::int64_t now = n_now += static_cast<std::int64_t>(n_bytes);
  std::int64_t peak = n_peak.load();
  while (now > peak && !n_peak.compare_exchange_weak(peak, now)) {
  }
  return head + kHead;
}

void give(void* p) {
  if (!p) return;
  auto* const head = static_cast<std::byte*>(p) - kHead;
  std::size_t n_bytes;
  std::memcpy(&n_bytes, head, sizeof n_bytes);
  n_now -= static_cast<std::int64_t>(n_bytes);
  std::free(head);
}

}  // namespace

namespace eddy::test {

std::int64_t n_allocations() { return n_made; }
std::int64_t n_allocated_bytes() { return n_now; }
std::int64_t peak_allocated_bytes() { return n_peak; }
void reset_peak() { n_peak = n_now.load(); }

}  // namespace eddy::test

void* operator new(std::size_t n_bytes) { return take(n_bytes); }
void* operator new[](std::size_t n_bytes) { return take(n_bytes); }
void* operator new(std::size_t n_bytes, const std::nothrow_t&) noexcept try {
  return take(n_bytes);
} catch (const std::bad_alloc&) {
  return nullptr;
}
void* operator new[](std::size_t n_bytes, const std::nothrow_t& tag) noexcept {
  return operator new(n_bytes, tag);
}
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { give(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { give(p); }
void operator delete(void* p, std::size_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t) noexcept { give(p); }
