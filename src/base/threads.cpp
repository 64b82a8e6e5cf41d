#include "base/threads.h"

#include <sched.h>
#include <signal.h>

#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace eddy {
namespace {

constexpr int kMaxThreads = 256;

// How often a thread looks for a change before it sleeps: some 10 us, longer than the gap between
// two ops of a token. On a machine with other work to do, looking for longer takes the very time
// slice that the parts need.
constexpr int kSpins = 500;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `value` is no longer `old`; spins first, then sleeps.
void wait_while(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

// A number from a file of /sys, -1 if there is none.
int number_in(const std::string& path) {
  std::ifstream file(path);
  int number = -1;
  return file >> number ? number : -1;
}

// While it lives, this thread and those that it starts take no signals but the ones that a thread
// brings upon itself, which must reach whoever reports crashes.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int own : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) {
      sigdelset(&blocked, own);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

int n_physical_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    const int core = number_in(folder + "core_id");
    cores.insert({number_in(folder + "physical_package_id"), core < 0 ? cpu : core});
  }
  return cores.empty() ? 1 : static_cast<int>(cores.size());
}

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int n_threads) {
  if (n_threads < 0 || n_threads > kMaxThreads) {
    return fail(ErrorCode::kInvalidArgument, "{} threads, expected 0 to {}", n_threads,
                kMaxThreads);
  }
  if (n_threads == 0) n_threads = n_physical_cores();
  std::unique_ptr<ThreadPool> pool(new ThreadPool(n_threads));
  pool->workers_.reserve(static_cast<std::size_t>(n_threads - 1));
  const SignalsBlocked for_workers;
  for (int i = 1; i < n_threads; ++i) {
    try {
      pool->workers_.emplace_back(&ThreadPool::work, pool.get(), i);
    } catch (const std::system_error&) {
      return fail(ErrorCode::kOutOfMemory, "thread {} of {} cannot be started", i + 1, n_threads);
    }
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  is_closing_.store(true, std::memory_order_relaxed);
  n_jobs_.fetch_add(1, std::memory_order_release);
  n_jobs_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(Job job) {
  if (workers_.empty()) return job.call(job.job, 0);
  job_ = job;
  n_working_.store(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  const std::uint32_t n_jobs = n_jobs_.fetch_add(1, std::memory_order_release) + 1;
  n_jobs_.notify_all();
  job.call(job.job, 0);
  for (int part = 1; part < n_threads(); ++part) do_part(n_jobs, part);
  for (std::uint32_t n = n_working_.load(std::memory_order_acquire); n != 0;
       n = n_working_.load(std::memory_order_acquire)) {
    wait_while(n_working_, n);
  }
}

void ThreadPool::work(int part) {
  for (std::uint32_t n_seen = 0;;) {
    wait_while(n_jobs_, n_seen);
    n_seen = n_jobs_.load(std::memory_order_acquire);
    if (is_closing_.load(std::memory_order_relaxed)) return;
    do_part(n_seen, part);
  }
}

// Does this part of the job, if nobody has begun it.
void ThreadPool::do_part(std::uint32_t n_jobs, int part) {
  std::uint32_t before = n_jobs - 1;
  auto& begun = begun_[static_cast<std::size_t>(part)].n_jobs;
  if (!begun.compare_exchange_strong(before, n_jobs, std::memory_order_acq_rel)) return;
  job_.call(job_.job, part);
  if (n_working_.fetch_sub(1, std::memory_order_acq_rel) == 1) n_working_.notify_one();
}

}  // namespace eddy
