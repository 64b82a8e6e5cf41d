#include "convert/tensor_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/half.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "tensor/encode.h"

namespace eddy::convert {
namespace {

// Elements made at a time: a multiple of every block.
constexpr std::uint64_t kPieceElems = 1u << 16;
constexpr float kLargestF16 = 65504;

// Files have no alignment.
template <class T>
T load(const std::byte* data, std::uint64_t i) {
  T value;
  std::memcpy(&value, data + i * sizeof(T), sizeof value);
  return value;
}

// Element i of the source for each i that `place` gives.
template <class Place>
void decode(const SafeTensor& source, std::span<float> out, const Place& place) {
  const std::byte* const data = source.data.data();
  switch (source.type) {
    case SafeType::kF16:
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = f16_to_f32(load<std::uint16_t>(data, place(i)));
      }
      break;
    case SafeType::kBF16:
      for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = bf16_to_f32(load<std::uint16_t>(data, place(i)));
      }
      break;
    default:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = load<float>(data, place(i));
  }
}

std::uint64_t n_elements(const SafeTensor& tensor) {
  return tensor.data.size() / safe_type_info(tensor.type).n_bytes;
}

// Elements first .. of the source as the form orders them.
void take(const PlannedTensor& planned, const SafeTensor& source, std::uint64_t first,
          std::span<float> out) {
  if (planned.rule->form != Form::kTransposed) {
    return decode(source, out, [&](std::size_t i) { return first + i; });
  }
  // The last two extents of the source are rows x columns; the file has columns x rows.
  const auto columns = static_cast<std::uint64_t>(source.shape.end()[-1]);
  const auto rows = static_cast<std::uint64_t>(source.shape.end()[-2]);
  decode(source, out, [&](std::size_t i) {
    const std::uint64_t at = first + i, matrix = at / (rows * columns), in = at % (rows * columns);
    return matrix * rows * columns + in % rows * columns + in / rows;
  });
}

float apply(Value value, float x) {
  switch (value) {
    case Value::kSame: return x;
    case Value::kNegExp: return static_cast<float>(-std::exp(double{x}));
    case Value::kPlusOne: return 1 + x;
    case Value::kLogDecay:
      return static_cast<float>(-8 * (x > 20 ? double{x} : std::log1p(std::exp(double{x}))));
  }
  return x;
}

Status check(const SafeTensor& source, std::span<const float> values, DType type) {
  for (const float value : values) {
    if (!std::isfinite(value)) {
      return fail(ErrorCode::kNonFinite, "{}: {}, expected numbers", printable(source.name), value);
    }
    if (type == DType::kF16 && std::abs(value) > kLargestF16) {
      return fail(ErrorCode::kUnsupported, "{}: {} is beyond the numbers of F16, of BF16 it is not",
                  printable(source.name), value);
    }
  }
  return {};
}

Status write_source(const PlannedTensor& planned, const SafeTensor& source, const GgufSink& sink,
                    const std::function<void(std::uint64_t)>& on_elements) {
  const DType type = planned.spec.type;
  std::vector<float> values;
  std::vector<std::byte> bytes;
  const std::uint64_t n = n_elements(source);
  for (std::uint64_t first = 0; first < n; first += kPieceElems) {
    values.resize(static_cast<std::size_t>(std::min(kPieceElems, n - first)));
    take(planned, source, first, values);
    for (float& value : values) value = apply(planned.rule->value, value);
    EDDY_TRY(check(source, values, type));
    bytes.resize(static_cast<std::size_t>(row_bytes(type, values.size()).value()));
    encode(type, values, bytes.data());
    EDDY_TRY(sink(bytes));
    on_elements(values.size());
  }
  return {};
}

}  // namespace

Status write_values(const PlannedTensor& planned, const GgufSink& sink,
                    const std::function<void(std::uint64_t)>& on_elements) {
  for (const SafeTensor* source : planned.sources) {
    EDDY_TRY(write_source(planned, *source, sink, on_elements));
  }
  return {};
}

}  // namespace eddy::convert
