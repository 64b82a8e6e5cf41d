#include "memory/packed_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/dtype.h"
#include "base/error.h"
#include "memory/finite.h"

namespace eddy {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie");

// Rounds elements that share a scale, and returns it. It is 0 where it is too small for F32.
template <class Whole>
float round_block(std::span<const float> x, Whole* whole) {
  constexpr float kMost = std::numeric_limits<Whole>::max();
  float most = 0;
  for (const float v : x) most = std::max(most, std::abs(v));
  const float scale = most / kMost;
  const float divisor = scale > 0 ? scale : 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float v = x[i] / divisor;
    whole[i] = static_cast<Whole>(std::clamp(v + std::copysign(0.5F, v), -kMost, kMost));
  }
  return scale;
}

// The largest number times the scale of the largest float may be infinite.
float unrounded(float whole, float scale) {
  constexpr float kMost = std::numeric_limits<float>::max();
  return std::clamp(whole * scale, -kMost, kMost);
}

}  // namespace

void split_planes(std::span<const std::byte> bytes, std::size_t n, std::vector<std::byte>& out) {
  const std::size_t n_groups = bytes.size() / n, first = out.size();
  out.resize(first + bytes.size());
  std::byte* to = out.data() + first;
  for (std::size_t plane = 0; plane < n; ++plane, to += n_groups) {
    const std::byte* const from = bytes.data() + plane;
    for (std::size_t i = 0; i < n_groups; ++i) to[i] = from[i * n];
  }
  std::ranges::copy(bytes.subspan(n_groups * n), to);
}

void join_planes(std::span<const std::byte> planes, std::size_t n, std::span<std::byte> to) {
  const std::size_t n_groups = to.size() / n;
  for (std::size_t plane = 0; plane < n; ++plane) {
    const std::byte* const from = planes.data() + plane * n_groups;
    for (std::size_t i = 0; i < n_groups; ++i) to[i * n + plane] = from[i];
  }
  std::ranges::copy(planes.subspan(n_groups * n), to.data() + n_groups * n);
}

template <class Whole>
Status round_row(std::span<const std::byte> elements, std::vector<std::byte>& out) {
  if (const auto i = first_non_finite(DType::kF32, elements)) {
    return fail(ErrorCode::kNonFinite, "R: element {} is not a finite number", *i);
  }
  std::vector<float> x(elements.size() / sizeof(float));
  std::ranges::copy(elements, std::as_writable_bytes(std::span(x)).data());
  std::vector<Whole> whole(x.size());
  std::vector<float> scales;
  for (std::size_t i = 0; i < x.size(); i += kScaledElems) {
    const std::size_t n = std::min(kScaledElems, x.size() - i);
    scales.push_back(round_block(std::span<const float>(x).subspan(i, n), whole.data() + i));
  }
  split_planes(std::as_bytes(std::span(scales)), sizeof(float), out);
  split_planes(std::as_bytes(std::span(whole)), sizeof(Whole), out);
  return {};
}

template <class Whole>
Status unround_row(std::span<const std::byte> spelled, std::span<std::byte> to) {
  std::vector<float> x(to.size() / sizeof(float));
  std::vector<float> scales((x.size() + kScaledElems - 1) / kScaledElems);
  std::vector<Whole> whole(x.size());
  const auto scale_bytes = std::as_writable_bytes(std::span(scales));
  join_planes(spelled.first(scale_bytes.size()), sizeof(float), scale_bytes);
  join_planes(spelled.subspan(scale_bytes.size()), sizeof(Whole),
              std::as_writable_bytes(std::span(whole)));
  if (first_non_finite(DType::kF32, scale_bytes)) {
    return fail(ErrorCode::kMalformed, "R: a scale is not a finite number");
  }
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = unrounded(whole[i], scales[i / kScaledElems]);
  std::ranges::copy(std::as_bytes(std::span(x)), to.data());
  return {};
}

template Status round_row<std::int16_t>(std::span<const std::byte>, std::vector<std::byte>&);
template Status round_row<std::int8_t>(std::span<const std::byte>, std::vector<std::byte>&);
template Status unround_row<std::int16_t>(std::span<const std::byte>, std::span<std::byte>);
template Status unround_row<std::int8_t>(std::span<const std::byte>, std::span<std::byte>);

}  // namespace eddy
