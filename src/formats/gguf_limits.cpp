#include "formats/gguf_limits.h"

#include <bit>

#include "base/error.h"

namespace eddy {

Status gguf_check_alignment(std::uint64_t alignment) {
  const bool in_range = alignment >= kGgufMinAlignment && alignment <= kGgufMaxAlignment;
  if (in_range && std::has_single_bit(alignment)) return {};
  return fail(ErrorCode::kMalformed, "{}: {}, expected a power of two from {} to {}",
              kGgufAlignmentKey, alignment, kGgufMinAlignment, kGgufMaxAlignment);
}

}  // namespace eddy
