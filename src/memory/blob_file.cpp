#include "memory/blob_file.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::string_view kBlobMagic = "EDDYBLOB";
constexpr std::uint32_t kBlobVersion = 1;
constexpr std::uint32_t kBlobPinned = 1;
constexpr std::string_view kSuffix = ".state";
constexpr std::size_t kDigits = 32;

constexpr std::size_t kBlobVersionAt = 8;
constexpr std::size_t kBlobFlagsAt = 12;
constexpr std::size_t kBlobSizeAt = 16;
constexpr std::size_t kBlobDigestAt = 24;
constexpr std::size_t kBlobModelAt = 40;
constexpr std::size_t kBlobPositionAt = 56;
constexpr std::size_t kBlobTimeAt = 64;
constexpr std::size_t kBlobNameSizeAt = 72;
constexpr std::size_t kBlobNameAt = 76;
constexpr std::size_t kBlobSumAt = 376;
static_assert(kBlobNameAt + kStateNameBytes <= kBlobSumAt && kBlobSumAt + 8 == kBlobHeaderBytes);

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t at) {
  return load_le<T>(bytes.data() + at);
}

Status check_header(std::span<const std::byte> file) {
  if (file.size() < kBlobHeaderBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes, fewer than a header", file.size());
  }
  if (std::memcmp(file.data(), kBlobMagic.data(), kBlobMagic.size()) != 0) {
    return fail(ErrorCode::kMalformed, "it does not begin with {}", kBlobMagic);
  }
  if (checksum64(file.first(kBlobSumAt)) != number_at<std::uint64_t>(file, kBlobSumAt)) {
    return fail(ErrorCode::kMalformed, "header: the checksum differs");
  }
  if (const auto version = number_at<std::uint32_t>(file, kBlobVersionAt);
      version != kBlobVersion) {
    return fail(ErrorCode::kUnsupported, "version {}, expected {}", version, kBlobVersion);
  }
  if (const auto flags = number_at<std::uint32_t>(file, kBlobFlagsAt);
      (flags & ~kBlobPinned) != 0) {
    return fail(ErrorCode::kUnsupported, "flags {}, expected 0 or {}", flags, kBlobPinned);
  }
  return {};
}

Result<StateEntry> read_header(std::span<const std::byte> file) {
  const auto n_name = number_at<std::uint32_t>(file, kBlobNameSizeAt);
  if (n_name > kStateNameBytes) {
    return fail(ErrorCode::kMalformed, "header: a name of {} bytes", n_name);
  }
  StateEntry entry;
  entry.state.name.assign(reinterpret_cast<const char*>(file.data() + kBlobNameAt), n_name);
  EDDY_TRY(check_state_name(entry.state.name));
  std::memcpy(entry.state.model.bytes.data(), file.data() + kBlobModelAt, 16);
  entry.state.position = number_at<Pos>(file, kBlobPositionAt);
  entry.state.is_pinned = number_at<std::uint32_t>(file, kBlobFlagsAt) == kBlobPinned;
  entry.n_bytes = number_at<std::uint64_t>(file, kBlobSizeAt);
  entry.digest = {.low = number_at<std::uint64_t>(file, kBlobDigestAt),
                  .high = number_at<std::uint64_t>(file, kBlobDigestAt + 8)};
  entry.last_use_us = number_at<std::int64_t>(file, kBlobTimeAt);
  if (std::ranges::equal(encode_blob_header(entry), file.first(kBlobHeaderBytes))) return entry;
  return fail(ErrorCode::kMalformed, "header: bytes between the fields that are not zero");
}

}  // namespace

std::array<std::byte, kBlobHeaderBytes> encode_blob_header(const StateEntry& entry) {
  std::array<std::byte, kBlobHeaderBytes> header = {};
  const auto put = [&]<class T>(std::size_t at, T value) { store_le(header.data() + at, value); };
  std::memcpy(header.data(), kBlobMagic.data(), kBlobMagic.size());
  put(kBlobVersionAt, kBlobVersion);
  put(kBlobFlagsAt, entry.state.is_pinned ? kBlobPinned : 0u);
  put(kBlobSizeAt, entry.n_bytes);
  put(kBlobDigestAt, entry.digest.low);
  put(kBlobDigestAt + 8, entry.digest.high);
  std::memcpy(header.data() + kBlobModelAt, entry.state.model.bytes.data(), 16);
  put(kBlobPositionAt, static_cast<std::uint64_t>(entry.state.position));
  put(kBlobTimeAt, static_cast<std::uint64_t>(entry.last_use_us));
  put(kBlobNameSizeAt, static_cast<std::uint32_t>(entry.state.name.size()));
  std::memcpy(header.data() + kBlobNameAt, entry.state.name.data(), entry.state.name.size());
  put(kBlobSumAt, checksum64(std::span(header).first(kBlobSumAt)));
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
