#include "memory/state_codec.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/checksum.h"
#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"
#include "memory/packed_rows.h"
#include "memory/state_format.h"
#include "memory/state_summary.h"

namespace eddy {
namespace {

using Bytes = std::vector<std::byte>;
using Span = std::span<const std::byte>;

constexpr char kPackMagic[] = "EDDYPACK";
constexpr std::uint32_t kPackVersion = 1;
constexpr std::uint64_t kPackVersionAt = 8;
constexpr std::uint64_t kCodecAt = 12;
constexpr std::uint64_t kStateBytesAt = 16;
constexpr std::uint64_t kStreamBytesAt = 24;
constexpr std::uint64_t kFrameAt = 32;

// What can be believed of lengths before room is made for them: a block of a frame has at least
// four bytes and makes at most 128 KiB; a byte of the stream makes at most four of the state.
constexpr std::uint64_t kMostFromFrame = (128 << 10) / 4;
constexpr std::uint64_t kMostFromStream = 4;

// Measured with `eddy bench codecs`: level 3 is slower both ways and makes more bytes of numbers.
constexpr int kLevel = 1;

void append(Bytes& out, Span bytes) {
  out.resize(out.size() + bytes.size());
  std::ranges::copy(bytes, out.end() - static_cast<std::ptrdiff_t>(bytes.size()));
}

// --- Sections -----------------------------------------------------------------------------------

// How the payload of a section is spelled.
struct Spelling {
  StateCodec codec = StateCodec::kZstd;
  DType type_r = DType::kF32;

  bool rounds(std::uint32_t tag, std::size_t n_payload) const {
    return n_payload % sizeof(float) == 0 && tag == kTagRowR && type_r == DType::kF32 &&
           codec != StateCodec::kZstd;
  }
  std::size_t n_bytes(std::uint32_t tag, std::size_t n_payload) const {
    if (!rounds(tag, n_payload)) return n_payload;
    const std::size_t n_elems = n_payload / sizeof(float);
    return codec == StateCodec::kInt16 ? n_rounded_bytes<std::int16_t>(n_elems)
                                       : n_rounded_bytes<std::int8_t>(n_elems);
  }
  Status put(std::uint32_t tag, Span payload, Bytes& out) const {
    if (!rounds(tag, payload.size())) return split_planes(payload, kPlanes, out), Status();
    return codec == StateCodec::kInt16 ? round_row<std::int16_t>(payload, out)
                                       : round_row<std::int8_t>(payload, out);
  }
  Status take(std::uint32_t tag, Span spelled, std::span<std::byte> payload) const {
    if (!rounds(tag, payload.size())) return join_planes(spelled, kPlanes, payload), Status();
    return codec == StateCodec::kInt16 ? unround_row<std::int16_t>(spelled, payload)
                                       : unround_row<std::int8_t>(spelled, payload);
  }
};

// The stream of a state whose sections have been found to fit.
Result<Bytes> to_stream(const Spelling& spelling, Span state) {
  Bytes out;
  out.reserve(state.size());
  append(out, state.first(kHeaderBytes));
  for (std::size_t at = kHeaderBytes; at < state.size() - kTrailerBytes;) {
    const auto n_payload = load_le<std::uint64_t>(state.data() + at + 8);
    const Span section = state.subspan(at, kSectionHeadBytes + n_payload);
    at += section.size() + kSumBytes;
    if (checksum64(section) != load_le<std::uint64_t>(state.data() + at - kSumBytes)) {
      return fail(ErrorCode::kMalformed, "before byte {}: the checksum differs", at);
    }
    append(out, section.first(kSectionHeadBytes));
    EDDY_TRY(spelling.put(load_le<std::uint32_t>(section.data()),
                          section.subspan(kSectionHeadBytes), out));
  }
  return out;
}

// Makes the state of a stream, of exactly n_bytes.
class Unpacker {
 public:
  Unpacker(StateCodec codec, Span stream, std::uint64_t n_bytes)
      : spelling_{.codec = codec}, stream_(stream), out_(n_bytes), end_(n_bytes - kTrailerBytes) {}

  Result<Bytes> run() {
    if (stream_.size() < kHeaderBytes) return misfit();
    const auto code_r = load_le<std::uint32_t>(stream_.data() + kTypeRAt);
    spelling_.type_r = static_cast<DType>(code_r & ~kByChance);
    copy(kHeaderBytes);
    while (!stream_.empty()) EDDY_TRY(read_section());
    if (at_ != end_) return misfit();
    const Digest128 digest = checksum128(std::span(out_).first(end_));
    store_le(&out_[end_], digest.low);
    store_le(&out_[end_ + 8], digest.high);
    return std::move(out_);
  }

 private:
  static Error misfit() {
    return {ErrorCode::kMalformed, "packed state: the lengths inside do not fit"};
  }

  Span take(std::size_t n) {
    const Span taken = stream_.first(n);
    stream_ = stream_.subspan(n);
    return taken;
  }

  void copy(std::size_t n) {
    std::memcpy(&out_[at_], take(n).data(), n);
    at_ += n;
  }

  Status read_section() {
    const std::size_t first = at_, n_left = end_ - at_;
    if (stream_.size() < kSectionHeadBytes || n_left < kSectionExtraBytes) return misfit();
    const auto tag = load_le<std::uint32_t>(stream_.data());
    const auto n_payload = load_le<std::uint64_t>(stream_.data() + 8);
    if (n_payload > n_left - kSectionExtraBytes) return misfit();
    copy(kSectionHeadBytes);
    const std::size_t n_spelled = spelling_.n_bytes(tag, n_payload);
    if (n_spelled > stream_.size()) return misfit();
    EDDY_TRY(spelling_.take(tag, take(n_spelled), std::span(out_).subspan(at_, n_payload)));
    at_ += n_payload;
    store_le(&out_[at_], checksum64(std::span(out_).subspan(first, at_ - first)));
    at_ += kSumBytes;
    return {};
  }

  Spelling spelling_;
  Span stream_;  // what is left of it
  Bytes out_;
  std::size_t at_ = 0;
  std::size_t end_;  // where the trailer begins
};

// --- The packed file ----------------------------------------------------------------------------

Error zstd_error(std::size_t result) {
  const bool is_memory = ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
  return fail(is_memory ? ErrorCode::kOutOfMemory : ErrorCode::kMalformed, "packed state: zstd: {}",
              ZSTD_getErrorName(result));
}

struct Pack {
  StateCodec codec = StateCodec::kZstd;
  std::uint64_t n_state = 0;
  std::uint64_t n_stream = 0;
  Span frame;
};

Result<Bytes> write_pack(StateCodec codec, std::uint64_t n_state, Span stream) {
  Bytes out(kFrameAt + ZSTD_compressBound(stream.size()) + kSumBytes);
  std::memcpy(out.data(), kPackMagic, kPackVersionAt);
  store_le(out.data() + kPackVersionAt, kPackVersion);
  store_le(out.data() + kCodecAt, static_cast<std::uint32_t>(codec));
  store_le(out.data() + kStateBytesAt, n_state);
  store_le(out.data() + kStreamBytesAt, std::uint64_t{stream.size()});
  const std::size_t n = ZSTD_compress(out.data() + kFrameAt, out.size() - kFrameAt - kSumBytes,
                                      stream.data(), stream.size(), kLevel);
  if (ZSTD_isError(n)) return zstd_error(n);
  store_le(&out[kFrameAt + n], checksum64(std::span(out).first(kFrameAt + n)));
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(kFrameAt + n + kSumBytes), out.end());
  return out;
}

Result<Pack> read_pack(Span bytes) {
  const auto number = [&](std::uint64_t at) { return load_le<std::uint64_t>(bytes.data() + at); };
  if (bytes.size() < kFrameAt + kSumBytes ||
      checksum64(bytes.first(bytes.size() - kSumBytes)) != number(bytes.size() - kSumBytes)) {
    return fail(ErrorCode::kMalformed, "packed state: cut or damaged");
  }
  const auto version = load_le<std::uint32_t>(bytes.data() + kPackVersionAt);
  const auto codec = load_le<std::uint32_t>(bytes.data() + kCodecAt);
  if (version != kPackVersion || codec < 1 || codec > 3) {
    return fail(ErrorCode::kUnsupported,
                "packed state: version {}, codec {}, expected {} and 1 .. 3", version, codec,
                kPackVersion);
  }
  const Pack pack = {.codec = static_cast<StateCodec>(codec),
                     .n_state = number(kStateBytesAt),
                     .n_stream = number(kStreamBytesAt),
                     .frame = bytes.subspan(kFrameAt, bytes.size() - kFrameAt - kSumBytes)};
  if (pack.n_state < kHeaderBytes + kTrailerBytes ||
      pack.n_state / kMostFromStream > pack.n_stream ||
      pack.n_stream / kMostFromFrame > pack.frame.size()) {
    return fail(ErrorCode::kMalformed, "packed state: {} bytes from {} from {} cannot be",
                pack.n_state, pack.n_stream, pack.frame.size());
  }
  return pack;
}

}  // namespace

Result<std::vector<std::byte>> encode_state(StateCodec codec, std::vector<std::byte> state) try {
  EDDY_TRY_ASSIGN(const StateSummary summary, summarise_state(state));
  if (codec == StateCodec::kNone) return state;
  EDDY_TRY_ASSIGN(const Bytes stream,
                  to_stream({.codec = codec, .type_r = summary.types.r}, state));
  return write_pack(codec, state.size(), stream);
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "packed state"};
}

Result<std::vector<std::byte>> decode_state(std::span<const std::byte> bytes) try {
  const bool is_packed =
      bytes.size() >= kPackVersionAt && std::memcmp(bytes.data(), kPackMagic, kPackVersionAt) == 0;
  if (!is_packed) {
    EDDY_TRY(summarise_state(bytes));
    return Bytes(bytes.begin(), bytes.end());
  }
  EDDY_TRY_ASSIGN(const Pack pack, read_pack(bytes));
  Bytes stream(pack.n_stream);
  const std::size_t n =
      ZSTD_decompress(stream.data(), stream.size(), pack.frame.data(), pack.frame.size());
  if (ZSTD_isError(n)) return zstd_error(n);
  if (n != stream.size()) return fail(ErrorCode::kMalformed, "packed state: zstd: it ends early");
  return Unpacker(pack.codec, stream, pack.n_state).run();
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "packed state"};
}

}  // namespace eddy
