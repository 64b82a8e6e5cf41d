// The backend that the laws are tested on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensor/ops.h"

namespace eddy::laws {

// The CPU with so many threads; isa "" is the best instruction set of this machine.
std::unique_ptr<Ops> make_ops(int n_threads, const std::string& isa);

// The instruction sets of this machine.
std::vector<std::string> all_isas();

}  // namespace eddy::laws
