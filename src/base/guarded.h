// A failed allocation of the standard library as an error, at the calls that people make.
#pragma once

#include <new>

#include "eddy/result.h"

namespace eddy {

inline Error out_of_memory() {
  return {ErrorCode::kOutOfMemory, "out of memory"};  // short: the text takes no memory
}

// What `call` returns, a Result or Status; kOutOfMemory where memory ends on the way.
template <class Call>
auto guarded(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace eddy
