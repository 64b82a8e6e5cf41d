#include "formats/gguf_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place");

struct TypeInfo {
  std::string_view name;
  std::uint64_t n_bytes;
};

constexpr TypeInfo kTypes[] = {
    {"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};
static_assert(std::size(kTypes) == kGgufTypeCount);

template <class T>
constexpr bool kIsInteger = std::is_integral_v<T> && !std::is_same_v<T, bool>;

// What a get of T expects, as messages say it.
template <class T>
constexpr std::string_view expected_text() {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return "string";
  } else if constexpr (std::is_floating_point_v<T>) {
    return "f32 or f64";
  } else {
    return gguf_type_name(gguf_type(T{}));
  }
}

template <class T>
Error wrong_type(const GgufValue& value) {
  return fail(ErrorCode::kMalformed, "{}, expected {}", gguf_type_text(value), expected_text<T>());
}

template <class T, class From>
Result<T> convert_number(From number) {
  if constexpr (kIsInteger<T> && kIsInteger<From>) {
    if (!std::in_range<T>(number)) {
      return fail(ErrorCode::kMalformed, "{}, expected {} .. {}", number,
                  std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    }
  } else if (std::isfinite(number) && std::abs(number) > std::numeric_limits<T>::max()) {
    return fail(ErrorCode::kMalformed, "{}, expected at most {}", number,
                std::numeric_limits<T>::max());
  }
  return static_cast<T>(number);
}

template <class T>
Result<T> convert(const GgufValue& value) {
  return std::visit(
      [&]<class From>(const From& from) -> Result<T> {
        constexpr bool same_kind = (kIsInteger<T> && kIsInteger<From>) ||
                                   (std::is_floating_point_v<T> && std::is_floating_point_v<From>);
        if constexpr (std::is_same_v<T, From>) {
          return from;
        } else if constexpr (same_kind) {
          return convert_number<T>(from);
        } else {
          return wrong_type<T>(value);
        }
      },
      value);
}

// The element at the start of `rest`, which is moved on.
GgufValue take_element(GgufType type, std::span<const std::byte>& rest) {
  const auto take = [&]<class T>(T number) -> GgufValue {
    std::memcpy(&number, rest.data(), sizeof number);
    rest = rest.subspan(sizeof number);
    return number;
  };
  switch (type) {
    case GgufType::kU8: return take(std::uint8_t{});
    case GgufType::kI8: return take(std::int8_t{});
    case GgufType::kU16: return take(std::uint16_t{});
    case GgufType::kI16: return take(std::int16_t{});
    case GgufType::kU32: return take(std::uint32_t{});
    case GgufType::kI32: return take(std::int32_t{});
    case GgufType::kF32: return take(float{});
    case GgufType::kU64: return take(std::uint64_t{});
    case GgufType::kI64: return take(std::int64_t{});
    case GgufType::kF64: return take(double{});
    case GgufType::kBool: return std::get<std::uint8_t>(take(std::uint8_t{})) != 0;
    case GgufType::kString: break;
    case GgufType::kArray: break;  // the parser refuses arrays of arrays
  }
  const auto n = static_cast<std::size_t>(std::get<std::uint64_t>(take(std::uint64_t{})));
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), n);
  rest = rest.subspan(n);
  return text;
}

template <class T>
Result<std::vector<T>> convert_array(const GgufValue& value) {
  const auto* array = std::get_if<GgufArray>(&value);
  if (!array) {
    return fail(ErrorCode::kMalformed, "{}, expected {}", gguf_type_text(value),
                gguf_expected_text<std::vector<T>>());
  }
  std::vector<T> elements;
  elements.reserve(static_cast<std::size_t>(array->size));
  std::span<const std::byte> rest = array->bytes;
  for (std::uint64_t i = 0; i < array->size; ++i) {
    Result<T> element = convert<T>(take_element(array->type, rest));
    if (!element) return prefixed(fmt::format("element {}", i), std::move(element).error());
    elements.push_back(*element);
  }
  return elements;
}

template <class T>
struct ElementOf {};
template <class T>
struct ElementOf<std::vector<T>> {
  using Type = T;
};

}  // namespace

std::string_view gguf_type_name(GgufType type) {
  return kTypes[static_cast<std::size_t>(type)].name;
}

std::uint64_t gguf_type_bytes(GgufType type) {
  return kTypes[static_cast<std::size_t>(type)].n_bytes;
}

std::string gguf_type_text(const GgufValue& value) {
  const auto* array = std::get_if<GgufArray>(&value);
  if (array) return fmt::format("array of {}", gguf_type_name(array->type));
  return std::string(gguf_type_name(gguf_type(value)));
}

template <class T>
Result<T> gguf_value_as(const GgufValue& value) {
  if constexpr (requires { typename ElementOf<T>::Type; }) {
    return convert_array<typename ElementOf<T>::Type>(value);
  } else {
    return convert<T>(value);
  }
}

template <class T>
std::string gguf_expected_text() {
  if constexpr (requires { typename ElementOf<T>::Type; }) {
    return fmt::format("array of {}", expected_text<typename ElementOf<T>::Type>());
  } else {
    return std::string(expected_text<T>());
  }
}

#define EDDY_GGUF_VALUE_AS(T)                            \
  template Result<T> gguf_value_as<T>(const GgufValue&); \
  template std::string gguf_expected_text<T>();
#define EDDY_GGUF_VALUES_AS(T) \
  EDDY_GGUF_VALUE_AS(T)        \
  EDDY_GGUF_VALUE_AS(std::vector<T>)
EDDY_GGUF_VALUE_AS(bool)
EDDY_GGUF_VALUES_AS(std::int32_t)
EDDY_GGUF_VALUES_AS(std::uint32_t)
EDDY_GGUF_VALUES_AS(std::int64_t)
EDDY_GGUF_VALUES_AS(std::uint64_t)
EDDY_GGUF_VALUES_AS(float)
EDDY_GGUF_VALUES_AS(double)
EDDY_GGUF_VALUES_AS(std::string_view)
#undef EDDY_GGUF_VALUES_AS
#undef EDDY_GGUF_VALUE_AS

std::string printable(std::string_view text) {
  constexpr std::size_t kMaxBytes = 80;
  std::string out;
  for (const char c : text.substr(0, kMaxBytes)) {
    if (c >= 0x20 && c < 0x7F) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text.size() > kMaxBytes ? out + "..." : out;
}

}  // namespace eddy
