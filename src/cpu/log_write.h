// Writes what a recurrent op was told into the pages of its log: moves 8 bytes for each float.
#pragma once

#include <cstdint>
#include <span>

#include "base/threads.h"
#include "tensor/tensor.h"

namespace eddy {

struct LogWriteArgs {
  std::span<const Lane> lanes;
  LogRows rows;
  std::span<const KvLane> log_lanes;  // by lane; tokens before the first page are not logged
  std::int64_t first_elem = 0;        // of a row: where the inputs begin, one after another
  std::span<const ConstMat> inputs;   // {.., n_tokens}
};

// A unit is a token.
void log_write(const LogWriteArgs& args, Share units);

}  // namespace eddy
