#include "formats/safetensors_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/checked.h"
#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"
#include "formats/gguf_value.h"
#include "formats/safetensors_header.h"

namespace eddy {
namespace {

using ByteView = std::span<const std::byte>;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMinHeaderBytes = 2;            // {}
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's

struct Parts {
  std::string_view header;
  ByteView data;
};

Result<Parts> split(ByteView bytes) {
  if (bytes.size() < kLengthBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes, expected {} for the header's length at least",
                bytes.size(), kLengthBytes);
  }
  const auto n = load_le<std::uint64_t>(bytes.data());
  const ByteView rest = bytes.subspan(kLengthBytes);
  if (n < kMinHeaderBytes || n > kMaxHeaderBytes) {
    return fail(ErrorCode::kMalformed, "header of {} bytes, expected {} .. {}", n, kMinHeaderBytes,
                kMaxHeaderBytes);
  }
  if (n > rest.size()) {
    return fail(ErrorCode::kMalformed, "header of {} bytes, but only {} follow: it is cut short", n,
                rest.size());
  }
  const auto n_header = static_cast<std::size_t>(n);
  return Parts{{reinterpret_cast<const char*>(rest.data()), n_header}, rest.subspan(n_header)};
}

// The bytes that type and shape take; nullopt: 2^63 or more of elements or bytes.
std::optional<std::uint64_t> n_bytes_of(const SafeEntry& entry) {
  // An extent of 0 makes no product of the others small enough.
  std::optional<std::uint64_t> n = entry.type->n_bytes;
  bool is_empty = false;
  for (const std::int64_t extent : entry.shape) {
    is_empty = is_empty || extent == 0;
    if (n && extent > 0) n = checked_mul(*n, static_cast<std::uint64_t>(extent));
  }
  if (!n || *n > INT64_MAX) return std::nullopt;
  return is_empty ? 0 : *n;
}

Result<SafeTensor> place(SafeEntry entry, std::uint64_t n_placed, ByteView data) {
  const auto [first, last] = entry.offsets;
  const std::string name = printable(entry.name);
  const std::optional<std::uint64_t> n_bytes = n_bytes_of(entry);
  if (!n_bytes) return fail(ErrorCode::kMalformed, "{}: 2^63 or more bytes", name);
  if (last < first || last - first != *n_bytes) {
    return fail(ErrorCode::kMalformed, "{}: data_offsets {}, {}, expected {} bytes for its shape",
                name, first, last, *n_bytes);
  }
  if (last > data.size()) {
    return fail(ErrorCode::kMalformed,
                "{}: its data ends at byte {}, but there are {}: the file is cut short", name, last,
                data.size());
  }
  if (first != n_placed) {
    return fail(ErrorCode::kMalformed, "{}: its data begins at byte {}, expected {}: {}", name,
                first, n_placed, first < n_placed ? "two tensors overlap" : "there is a gap");
  }
  return SafeTensor{
      .name = std::move(entry.name),
      .type = entry.type->type,
      .shape = std::move(entry.shape),
      .data = data.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(*n_bytes))};
}

}  // namespace

Result<std::vector<SafeTensor>> parse_safetensors(ByteView bytes) {
  EDDY_TRY_ASSIGN(const Parts parts, split(bytes));
  EDDY_TRY_ASSIGN(std::vector<SafeEntry> entries, read_safetensors_header(parts.header));
  std::ranges::stable_sort(entries, {}, &SafeEntry::offsets);
  std::vector<SafeTensor> tensors;
  tensors.reserve(entries.size());
  std::uint64_t n_placed = 0;
  for (SafeEntry& entry : entries) {
    EDDY_TRY_ASSIGN(SafeTensor tensor, place(std::move(entry), n_placed, parts.data));
    n_placed += tensor.data.size();
    tensors.push_back(std::move(tensor));
  }
  if (n_placed == parts.data.size()) return tensors;
  return fail(ErrorCode::kMalformed, "{} bytes of data, but the tensors have {}", parts.data.size(),
              n_placed);
}

}  // namespace eddy
