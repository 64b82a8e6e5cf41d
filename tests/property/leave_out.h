// Operations that fail, and fewer of them that still do.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace eddy::test {

// Leaves out runs of operations, long ones first, as long as the rest still fails.
template <class Op, class Fails>
std::vector<Op> leave_out(std::vector<Op> ops, const Fails& fails) {
  for (std::size_t n = ops.size(); n > 0; n /= 2) {
    for (std::size_t at = 0; at < ops.size();) {
      std::vector<Op> fewer = ops;
      const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(at);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(std::min(n, ops.size() - at)));
      if (fails(fewer)) {
        ops = std::move(fewer);
      } else {
        at += n;
      }
    }
  }
  return ops;
}

}  // namespace eddy::test
