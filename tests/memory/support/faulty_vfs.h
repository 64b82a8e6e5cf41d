// SQLite over a disk that fails on demand: while one lives, SQLite's own calls to the operating
// system go through it, as FaultyFileSystem's do for everybody else's.
//
// Threading: one thread; one at a time.
#pragma once

#include <cstdint>
#include <functional>

namespace eddy::test {

struct VfsFault {
  enum class Kind {
    kError,  // the call is not done
    kFull,   // a write is half done, and the disk is full; others are not done
  };
  std::int64_t first = -1;  // the number of the first call that fails, from 0; -1: none does
  std::int64_t n = 1;       // how many calls fail
  Kind kind = Kind::kError;
};

class FaultyVfs {
 public:
  explicit FaultyVfs(VfsFault fault = {});
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // Opens, reads, writes, truncations, syncs, removals so far.
  std::int64_t n_calls() const { return n_calls_; }

  std::int64_t n_syncs = 0;  // of them

  // Called before each of them.
  std::function<void()> before_call;

  // Counts a call; whether it is one that fails.
  bool starts_failing();
  VfsFault::Kind kind() const { return fault_.kind; }

 private:
  VfsFault fault_;
  std::int64_t n_calls_ = 0;
};

}  // namespace eddy::test
