#include "memory/blob_file.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::string_view kMagic = "EDDYBLOB";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kPinned = 1;
constexpr std::string_view kSuffix = ".state";
constexpr std::size_t kDigits = 32;

constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFlagsAt = 12;
constexpr std::size_t kSizeAt = 16;
constexpr std::size_t kDigestAt = 24;
constexpr std::size_t kModelAt = 40;
constexpr std::size_t kPositionAt = 56;
constexpr std::size_t kTimeAt = 64;
constexpr std::size_t kNameSizeAt = 72;
constexpr std::size_t kNameAt = 76;
constexpr std::size_t kSumAt = 376;
static_assert(kNameAt + kStateNameBytes <= kSumAt && kSumAt + 8 == kBlobHeaderBytes);

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t at) {
  return load_le<T>(bytes.data() + at);
}

Status check_header(std::span<const std::byte> file) {
  if (file.size() < kBlobHeaderBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes, fewer than a header", file.size());
  }
  if (std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(ErrorCode::kMalformed, "it does not begin with {}", kMagic);
  }
  if (checksum64(file.first(kSumAt)) != number_at<std::uint64_t>(file, kSumAt)) {
    return fail(ErrorCode::kMalformed, "header: the checksum differs");
  }
  if (const auto version = number_at<std::uint32_t>(file, kVersionAt); version != kVersion) {
    return fail(ErrorCode::kUnsupported, "version {}, expected {}", version, kVersion);
  }
  if (const auto flags = number_at<std::uint32_t>(file, kFlagsAt); (flags & ~kPinned) != 0) {
    return fail(ErrorCode::kUnsupported, "flags {}, expected 0 or {}", flags, kPinned);
  }
  return {};
}

Result<StateEntry> read_header(std::span<const std::byte> file) {
  const auto n_name = number_at<std::uint32_t>(file, kNameSizeAt);
  if (n_name > kStateNameBytes) {
    return fail(ErrorCode::kMalformed, "header: a name of {} bytes", n_name);
  }
  StateEntry entry;
  entry.state.name.assign(reinterpret_cast<const char*>(file.data() + kNameAt), n_name);
  EDDY_TRY(check_state_name(entry.state.name));
  std::memcpy(entry.state.model.bytes.data(), file.data() + kModelAt, 16);
  entry.state.position = number_at<Pos>(file, kPositionAt);
  entry.state.is_pinned = number_at<std::uint32_t>(file, kFlagsAt) == kPinned;
  entry.n_bytes = number_at<std::uint64_t>(file, kSizeAt);
  entry.digest = {.low = number_at<std::uint64_t>(file, kDigestAt),
                  .high = number_at<std::uint64_t>(file, kDigestAt + 8)};
  entry.last_use_us = number_at<std::int64_t>(file, kTimeAt);
  if (std::ranges::equal(encode_blob_header(entry), file.first(kBlobHeaderBytes))) return entry;
  return fail(ErrorCode::kMalformed, "header: bytes between the fields that are not zero");
}

}  // namespace

std::array<std::byte, kBlobHeaderBytes> encode_blob_header(const StateEntry& entry) {
  std::array<std::byte, kBlobHeaderBytes> header = {};
  const auto put = [&]<class T>(std::size_t at, T value) { store_le(header.data() + at, value); };
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  put(kVersionAt, kVersion);
  put(kFlagsAt, entry.state.is_pinned ? kPinned : 0u);
  put(kSizeAt, entry.n_bytes);
  put(kDigestAt, entry.digest.low);
  put(kDigestAt + 8, entry.digest.high);
  std::memcpy(header.data() + kModelAt, entry.state.model.bytes.data(), 16);
  put(kPositionAt, static_cast<std::uint64_t>(entry.state.position));
  put(kTimeAt, static_cast<std::uint64_t>(entry.last_use_us));
  put(kNameSizeAt, static_cast<std::uint32_t>(entry.state.name.size()));
  std::memcpy(header.data() + kNameAt, entry.state.name.data(), entry.state.name.size());
  put(kSumAt, checksum64(std::span(header).first(kSumAt)));
  return header;
}

Result<Blob> parse_blob(std::span<const std::byte> file) {
  EDDY_TRY(check_header(file));
  EDDY_TRY_ASSIGN(StateEntry entry, read_header(file));
  const auto content = file.subspan(kBlobHeaderBytes);
  if (content.size() != entry.n_bytes) {
    return fail(ErrorCode::kMalformed, "{} bytes of content, expected {}", content.size(),
                entry.n_bytes);
  }
  if (checksum128(content) != entry.digest) {
    return fail(ErrorCode::kMalformed, "content: the digest differs");
  }
  return Blob{.entry = std::move(entry), .content = content};
}

std::string blob_name(const Digest128& digest) {
  return fmt::format("{:016x}{:016x}{}", digest.high, digest.low, kSuffix);
}

bool is_blob_name(std::string_view name) {
  return name.size() == kDigits + kSuffix.size() && name.ends_with(kSuffix) &&
         name.substr(0, kDigits).find_first_not_of("0123456789abcdef") == name.npos;
}

}  // namespace eddy
