// How long a call took, for benchmarks.
#pragma once

#include <chrono>

#include "base/try.h"
#include "eddy/result.h"

namespace eddy {

// The seconds of f(), or its error.
template <class F>
Result<double> timed(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  EDDY_TRY(f());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace eddy
