#include "formats/gguf_tensor_bytes.h"

#include <fmt/ranges.h>

#include <limits>
#include <optional>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"
#include "formats/gguf_limits.h"

namespace eddy {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();

// first times the extents, below 2^63.
Result<std::uint64_t> product(std::uint64_t first, std::span<const std::int64_t> ne,
                              const char* unit) {
  std::optional<std::uint64_t> n = first;
  for (const std::int64_t extent : ne) {
    if (n) n = checked_mul(*n, static_cast<std::uint64_t>(extent));
  }
  if (n && *n <= kMax) return *n;
  return fail(ErrorCode::kMalformed, "2^63 or more {}, expected fewer", unit);
}

}  // namespace

Result<std::uint64_t> gguf_tensor_bytes(DType type, std::span<const std::int64_t> ne) {
  if (ne.empty() || ne.size() > kGgufMaxDims) {
    return fail(ErrorCode::kMalformed, "{} extents, expected 1 .. {}", ne.size(), kGgufMaxDims);
  }
  for (std::size_t i = 0; i < ne.size(); ++i) {
    if (ne[i] < 1) {
      return fail(ErrorCode::kMalformed, "extent {}: {}, expected 1 or more", i, ne[i]);
    }
  }
  EDDY_TRY(product(1, ne, "elements"));
  const DTypeInfo& info = dtype_info(type);
  const auto n_row = static_cast<std::uint64_t>(ne[0]);
  if (n_row % info.block_elems != 0) {
    return fail(ErrorCode::kMalformed, "rows of {} elements, expected a multiple of {} ({})", n_row,
                info.block_elems, info.name);
  }
  const std::optional<std::uint64_t> n_row_bytes = row_bytes(type, n_row);
  if (!n_row_bytes) return fail(ErrorCode::kMalformed, "2^63 or more bytes, expected fewer");
  return product(*n_row_bytes, ne.subspan(1), "bytes");
}

}  // namespace eddy
