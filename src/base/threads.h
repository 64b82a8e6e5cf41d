// A pool of threads that do one job at a time together, each its fixed part of it.
//
//   pool.run([&](int part) { kernel(share_of(n_rows, part, pool.n_threads())); });
//
// Invariants:
//   I1  part 0 is done by the caller, part i by worker i; or by the caller, if the worker has not
//       begun it when the caller has done its own: on a machine with other work to do nobody waits
//       for a thread that the system does not run. What a part computes does not depend on it.
//   I2  run() returns after every part has returned; what the parts wrote is visible to the caller.
//   I3  run() allocates nothing.
//   I4  workers take no signals of the process: those are the program's, and reach its own threads.
//
// Threading: run() is called by one thread at a time, never from inside a part.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "eddy/result.h"

namespace eddy {

// The elements first .. last - 1.
struct Share {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

// The part number `part` of n elements cut into n_parts contiguous shares of almost equal length.
inline Share share_of(std::int64_t n, int part, int n_parts) {
  return {n * part / n_parts, n * (part + 1) / n_parts};
}

// The cores of the machine that this process may use, hardware threads of one core counted once.
int n_physical_cores();

class ThreadPool {
 public:
  // n_threads counts the caller; 0 means n_physical_cores(). kInvalidArgument: below 0 or above
  // 256; kOutOfMemory: the operating system gives no more threads.
  static Result<std::unique_ptr<ThreadPool>> create(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls part(0), ..., part(n_threads() - 1), each once.
  template <class Part>
  void run(const Part& part) {
    run_erased({[](const void* job, int i) { (*static_cast<const Part*>(job))(i); }, &part});
  }

 private:
  struct Job {
    void (*call)(const void* job, int part) = nullptr;
    const void* job = nullptr;
  };

  // The newest job of which a worker's part was begun.
  struct alignas(64) Begun {
    std::atomic<std::uint32_t> n_jobs = 0;
  };

  explicit ThreadPool(int n_threads) : begun_(static_cast<std::size_t>(n_threads)) {}
  void run_erased(Job job);
  void work(int part);
  void do_part(std::uint32_t n_jobs, int part);

  Job job_;  // not changed before all of its parts are done; read by whoever has begun one
  std::atomic<std::uint32_t> n_jobs_ = 0;     // jobs given out so far; a change wakes the workers
  std::atomic<std::uint32_t> n_working_ = 0;  // parts of workers that are not done yet
  std::atomic<bool> is_closing_ = false;
  std::vector<Begun> begun_;  // by part
  std::vector<std::thread> workers_;
};

}  // namespace eddy
