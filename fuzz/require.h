// What a fuzz target demands of an outcome: without it the input is a finding.
#pragma once

#include <errno.h>

#include <cstdio>
#include <cstdlib>

namespace eddy {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
  std::abort();
}

}  // namespace eddy
