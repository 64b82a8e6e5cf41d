#include "cpu/machine.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <vector>

#include "base/threads.h"
#include "cpu/machine_kernels.h"
#include "tensor/buffer.h"

namespace eddy {
namespace {

#ifdef EDDY_QUICK_KERNELS  // too slow to say anything about the machine
constexpr int kRounds = 1;
constexpr std::uint64_t kReadBytes = 1u << 20;
constexpr std::int64_t kChainSteps = 1 << 10;
#else
constexpr int kRounds = 5;
constexpr std::uint64_t kReadBytes = 256u << 20;  // several times the largest caches
constexpr std::int64_t kChainSteps = 1 << 20;     // some 10 ms
#endif

// The best rate of several rounds; every thread does `part`, which returns what it has done.
template <class Part>
double best_rate(ThreadPool& pool, const Part& part) {
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> done(static_cast<std::size_t>(pool.n_threads()));
    const auto start = std::chrono::steady_clock::now();
    pool.run([&](int i) { done[static_cast<std::size_t>(i)] = part(i); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double sum = 0;
    for (const double d : done) sum += d;
    best = std::max(best, sum / seconds.count());
  }
  return best;
}

double read_rate(ThreadPool& pool, Isa isa) {
  const auto buffer = host_buffer_type().allocate(kReadBytes);
  if (!buffer) return 0;
  auto* data = reinterpret_cast<float*>((*buffer)->host());
  const std::int64_t n = kReadBytes / sizeof(float);
  // Pages that were never written are all one page of zeros, which stays in the cache.
  pool.run([&](int i) {
    const Share share = share_of(n, i, pool.n_threads());
    std::fill(data + share.first, data + share.last, 1.0f);
  });
  return best_rate(pool, [&](int i) {
    const Share share = share_of(n, i, pool.n_threads());
    kReadAll[isa](data + share.first, share.last - share.first);
    return static_cast<double>(share.last - share.first) * sizeof(float);
  });
}

}  // namespace

MachineSpeed measure_machine(int n_threads) {
  auto pool = ThreadPool::create(n_threads);
  if (!pool) pool = ThreadPool::create(1);
  const Isa isa = available_isas().back();
  return {.read_bytes_per_s = read_rate(**pool, isa),
          .f32_macs_per_s = best_rate(**pool, [&](int) { return kFloatChain[isa](kChainSteps); }),
          .int8_macs_per_s = best_rate(**pool, [&](int) { return kInt8Chain[isa](kChainSteps); })};
}

MachineSpeed best_of(const MachineSpeed& a, const MachineSpeed& b) {
  return {.read_bytes_per_s = std::max(a.read_bytes_per_s, b.read_bytes_per_s),
          .f32_macs_per_s = std::max(a.f32_macs_per_s, b.f32_macs_per_s),
          .int8_macs_per_s = std::max(a.int8_macs_per_s, b.int8_macs_per_s)};
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

}  // namespace eddy
