// The CPU's implementation of the ops: kernels for several instruction sets, chosen at run time,
// and a pool of threads. Every choice gives the same bits.
//
// Threading: as Ops; the pool's threads work inside the calls only.
#pragma once

#include <memory>
#include <string>

#include "tensor/ops.h"

namespace eddy {

struct CpuOptions {
  int n_threads = 0;     // 0: one for each physical core
  std::string isa = {};  // a name of cpu/isa.h; "": the best of this machine
};

// kInvalidArgument: n_threads, or an instruction set that is unknown or not on this machine;
// kOutOfMemory: a thread cannot be started.
Result<std::unique_ptr<Ops>> make_cpu_ops(const CpuOptions& options);

// Host memory, and the ops of make_cpu_ops.
const Device& cpu_device();

}  // namespace eddy
