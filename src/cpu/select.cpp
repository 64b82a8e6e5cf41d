// out[t] = x[indices[t]]. Moves 8 bytes for each element; no arithmetic, so one kernel for all
// instruction sets.
#include <algorithm>

#include "cpu/kernels.h"

namespace eddy {
namespace {

void select(const SelectArgs& args, Share tokens) {
  for (std::int64_t t = tokens.first; t < tokens.last; ++t) {
    std::copy_n(args.x.token(args.indices[static_cast<std::size_t>(t)]), args.x.n,
                args.out.token(t));
  }
}

}  // namespace

const Kernels<SelectArgs> kSelect = {{select, select, select, select, select}};

}  // namespace eddy
