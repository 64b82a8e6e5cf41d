#include "memory/buffer_plan.h"

#include <algorithm>

#include "base/checked.h"
#include "base/try.h"

namespace eddy {

std::optional<BufferPlace> BufferPlan::add(const BufferType& type, std::uint64_t n_bytes) {
  const auto found = std::ranges::find(pools_, &type, &Pool::type);
  const auto index = static_cast<std::size_t>(found - pools_.begin());
  if (index == pools_.size()) pools_.push_back({.type = &type});
  Pool& pool = pools_[index];
  const auto offset = checked_align(pool.n_bytes, type.alignment());
  const auto end = offset ? checked_add(*offset, n_bytes) : std::nullopt;
  if (!end) return std::nullopt;
  pool.n_bytes = *end;
  return BufferPlace{.buffer = index, .offset = *offset};
}

Result<std::vector<std::unique_ptr<Buffer>>> BufferPlan::allocate() const {
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (const Pool& pool : pools_) {
    EDDY_TRY_ASSIGN(auto buffer, pool.type->allocate(pool.n_bytes));
    buffers.push_back(std::move(buffer));
  }
  return buffers;
}

}  // namespace eddy
