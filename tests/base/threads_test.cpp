#include "base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "base/support/allocation_meter.h"
#include "base/support/fails_with.h"

namespace eddy {
namespace {

using test::fails_with;

std::unique_ptr<ThreadPool> make_pool(int n_threads) {
  auto made = ThreadPool::create(n_threads);
  EXPECT_TRUE(made.ok());
  return std::move(*made);
}

// What holds of the shares of n elements cut into n_parts.
void check_shares(std::int64_t n, int n_parts) {
  std::int64_t next = 0;
  for (int part = 0; part < n_parts; ++part) {
    const Share share = share_of(n, part, n_parts);
    ASSERT_EQ(share.first, next) << n << ' ' << part << ' ' << n_parts;
    ASSERT_GE(share.last - share.first, n / n_parts);
    ASSERT_LE(share.last - share.first, (n + n_parts - 1) / n_parts);
    next = share.last;
  }
  ASSERT_EQ(next, n);
}

TEST(ShareOf, CoversEachElementOnceAndEvenly) {
  for (std::int64_t n = 0; n <= 70; ++n) {
    for (int n_parts = 1; n_parts <= 70; ++n_parts) check_shares(n, n_parts);
  }
  for (const int n_parts : {1, 3, 255, 256}) check_shares(std::int64_t{1} << 54, n_parts);
}

// Each part on its own thread: the caller's ends when the others have begun.
template <class Part>
void run_on_each(ThreadPool& pool, const Part& call) {
  std::atomic<int> n_begun = 0;
  pool.run([&](int part) {
    ++n_begun;
    while (part == 0 && n_begun < pool.n_threads()) std::this_thread::yield();
    call(part);
  });
}

bool is_blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(ThreadPool, WorkersTakeNoSignalsOfTheProgram) {
  const auto pool = make_pool(3);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGCHLD, SIGUSR1, SIGWINCH}) {
    std::array<bool, 3> blocked = {};
    run_on_each(*pool,
                [&](int part) { blocked[static_cast<std::size_t>(part)] = is_blocked(signal); });
    EXPECT_EQ(blocked, (std::array{false, true, true})) << signal;
  }
}

TEST(ThreadPool, WorkersTakeTheSignalsOfTheirOwnCrashes) {
  const auto pool = make_pool(2);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    std::array<bool, 2> blocked = {};
    run_on_each(*pool,
                [&](int part) { blocked[static_cast<std::size_t>(part)] = is_blocked(signal); });
    EXPECT_EQ(blocked, (std::array{false, false})) << signal;
  }
}

TEST(ThreadPool, DoesEachPartOnceOnItsOwnThread) {
  for (int n_threads = 1; n_threads <= 8; ++n_threads) {
    const auto pool = make_pool(n_threads);
    ASSERT_EQ(pool->n_threads(), n_threads);
    std::vector<std::thread::id> first(static_cast<std::size_t>(n_threads));
    std::vector<std::thread::id> now(first);
    for (int job = 0; job < 20; ++job) {
      std::vector<int> n_calls(first.size());
      run_on_each(*pool, [&](int part) {
        ++n_calls[static_cast<std::size_t>(part)];
        now[static_cast<std::size_t>(part)] = std::this_thread::get_id();
      });
      EXPECT_EQ(n_calls, std::vector<int>(first.size(), 1));
      if (job == 0) first = now;
      EXPECT_EQ(now, first);
    }
    EXPECT_EQ(first[0], std::this_thread::get_id());
    std::ranges::sort(first);
    EXPECT_EQ(std::ranges::adjacent_find(first), first.end());
  }
}

// On a single core the caller has done its part before the system has run a worker.
TEST(ThreadPool, TheCallerDoesWhatNobodyHasBegun) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const auto pool = make_pool(3);  // its threads stay on that core
  const auto caller = std::this_thread::get_id();
  int n_by_caller = 0;
  for (int job = 0; job < 300; ++job) {
    std::vector<int> n_calls(3);
    std::vector<std::thread::id> by(3);
    pool->run([&](int part) {
      ++n_calls[static_cast<std::size_t>(part)];
      by[static_cast<std::size_t>(part)] = std::this_thread::get_id();
    });
    EXPECT_EQ(n_calls, std::vector<int>(3, 1));
    n_by_caller += static_cast<int>(std::ranges::count(by, caller)) - 1;
  }
  EXPECT_GT(n_by_caller, 0);
  EXPECT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

// Each job reads what all parts of the one before it wrote, without any other synchronisation.
TEST(ThreadPool, MakesWhatPartsWroteVisible) {
  for (const int n_threads : {2, 3, 8}) {
    const auto pool = make_pool(n_threads);
    std::vector<std::int64_t> from(1000);
    std::vector<std::int64_t> to(1000);
    std::iota(from.begin(), from.end(), 0);
    for (int job = 0; job < 500; ++job) {
      pool->run([&](int part) {
        const Share share = share_of(1000, part, n_threads);
        for (std::int64_t i = share.first; i < share.last; ++i) {
          to[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>(999 - i)] + 1;
        }
      });
      std::swap(from, to);
      const std::int64_t sum = std::accumulate(from.begin(), from.end(), std::int64_t{0});
      ASSERT_EQ(sum, 999 * 1000 / 2 + 1000 * (job + 1));
    }
  }
}

TEST(ThreadPool, ReturnsOnlyAfterTheSlowestPart) {
  const auto pool = make_pool(4);
  for (int slow = 0; slow < 4; ++slow) {
    std::atomic<int> n_done = 0;
    pool->run([&](int part) {
      volatile int n_left = part == slow ? 2'000'000 : 0;
      while (n_left > 0) n_left = n_left - 1;
      ++n_done;
    });
    EXPECT_EQ(n_done, 4);
  }
}

TEST(ThreadPool, AllocatesNothingToRun) {
  const auto pool = make_pool(3);
  std::atomic<int> n_done = 0;
  const auto job = [&](int) { ++n_done; };
  pool->run(job);
  const std::int64_t before = test::n_allocations();
  for (int i = 0; i < 100; ++i) pool->run(job);
  EXPECT_EQ(test::n_allocations(), before);
  EXPECT_EQ(n_done, 303);
}

TEST(ThreadPool, StartsAndStopsWithoutAJob) {
  for (int i = 0; i < 20; ++i) {
    const auto pool = make_pool(1 + i % 5);
    const auto other = make_pool(2);
    if (i % 2 == 0) pool->run([](int) {});
  }
}

TEST(ThreadPool, ZeroMeansTheMachinesCores) {
  const int n_cores = n_physical_cores();
  EXPECT_GE(n_cores, 1);
  EXPECT_LE(static_cast<unsigned>(n_cores), std::max(1u, std::thread::hardware_concurrency()));
  EXPECT_EQ(make_pool(0)->n_threads(), n_cores);
}

TEST(ThreadPool, RefusesImpossibleNumbersOfThreads) {
  EXPECT_TRUE(fails_with(ThreadPool::create(-1), ErrorCode::kInvalidArgument, {"-1", "0 to 256"}));
  EXPECT_TRUE(fails_with(ThreadPool::create(257), ErrorCode::kInvalidArgument, {"257"}));
  EXPECT_EQ(make_pool(256)->n_threads(), 256);
}

}  // namespace
}  // namespace eddy
