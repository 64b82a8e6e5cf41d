// The inside of an InitState: the bytes that put it into a sequence, and what they fit.
//
// Threading: immutable.
#pragma once

#include <cstddef>
#include <vector>

#include "eddy/engine.h"
#include "memory/prefix_nodes.h"

namespace eddy {

struct InitState::Impl {
  PrefixKey key;                 // what it was made for, and its digest; no salt
  std::vector<std::byte> bytes;  // for RecurrentMemory::state_read()
};

}  // namespace eddy
