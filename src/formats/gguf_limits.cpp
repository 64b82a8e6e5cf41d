#include "formats/gguf_limits.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "base/error.h"
#include "base/try.h"
#include "formats/cursor.h"

namespace eddy {
namespace {

Status check_string(std::uint64_t n_bytes) {
  if (n_bytes <= kGgufMaxStringBytes) return {};
  return fail(ErrorCode::kMalformed, "string: {} bytes long, expected at most {}", n_bytes,
              kGgufMaxStringBytes);
}

Error wrong_bytes(const GgufArray& array) {
  return fail(ErrorCode::kMalformed, "{} bytes, which are not {} elements of {}",
              array.bytes.size(), array.size, gguf_type_name(array.type));
}

Status check_strings(const GgufArray& array) {
  Cursor cursor(array.bytes);
  for (std::uint64_t i = 0; i < array.size; ++i) {
    const auto n = cursor.number<std::uint64_t>();
    if (!n || !cursor.take(*n)) return wrong_bytes(array);
    EDDY_TRY(check_string(*n));
  }
  return cursor.left() == 0 ? Status() : wrong_bytes(array);
}

Status check_array(const GgufArray& array) {
  if (array.type == GgufType::kArray) {
    return fail(ErrorCode::kMalformed, "an array of arrays, expected an array of values");
  }
  if (array.size > kGgufMaxElements) {
    return fail(ErrorCode::kMalformed, "{} elements, expected at most {}", array.size,
                kGgufMaxElements);
  }
  if (array.type == GgufType::kString) return check_strings(array);
  if (array.bytes.size() != array.size * gguf_type_bytes(array.type)) return wrong_bytes(array);
  const bool is_right = array.type != GgufType::kBool ||
                        std::ranges::all_of(array.bytes, [](auto b) { return b <= std::byte{1}; });
  return is_right ? Status() : wrong_bytes(array);
}

}  // namespace

Status gguf_check_alignment(std::uint64_t alignment) {
  const bool in_range = alignment >= kGgufMinAlignment && alignment <= kGgufMaxAlignment;
  if (in_range && std::has_single_bit(alignment)) return {};
  return fail(ErrorCode::kMalformed, "{}: {}, expected a power of two from {} to {}",
              kGgufAlignmentKey, alignment, kGgufMinAlignment, kGgufMaxAlignment);
}

Status gguf_check_value(const GgufValue& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return check_string(text->size());
  const auto* array = std::get_if<GgufArray>(&value);
  return array ? check_array(*array) : Status();
}

}  // namespace eddy
