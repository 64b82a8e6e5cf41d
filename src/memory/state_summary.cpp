#include "memory/state_summary.h"

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "base/little_endian.h"
#include "base/try.h"
#include "memory/state_format.h"

namespace eddy {
namespace {

class Summariser {
 public:
  explicit Summariser(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<StateSummary> run() {
    EDDY_TRY(check_seals());
    EDDY_TRY(read_header());
    EDDY_TRY(read_state());
    while (at_ < end()) EDDY_TRY(read_row());
    return std::move(summary_);
  }

 private:
  struct Section {
    std::uint32_t tag = 0;
    std::uint32_t index = 0;
    std::span<const std::byte> payload;
  };

  std::uint64_t end() const { return bytes_.size() - kTrailerBytes; }
  template <class T>
  T number(std::uint64_t at) const {
    return load_le<T>(bytes_.data() + at);
  }

  Status check_seals() const {
    if (bytes_.size() < kHeaderBytes + kTrailerBytes ||
        std::memcmp(bytes_.data(), kStateMagic, kVersionAt) != 0) {
      return fail(ErrorCode::kMalformed, "no serialised state: it does not begin with {}",
                  kStateMagic);
    }
    if (checksum64(bytes_.first(kHeaderSumAt)) != number<std::uint64_t>(kHeaderSumAt)) {
      return fail(ErrorCode::kMalformed, "header: the checksum differs");
    }
    if (const auto version = number<std::uint32_t>(kVersionAt); version != kStateVersion) {
      return fail(ErrorCode::kUnsupported, "version {}, expected {}", version, kStateVersion);
    }
    const Digest128 sealed = {number<std::uint64_t>(end()), number<std::uint64_t>(end() + 8)};
    if (number<std::uint64_t>(kSizeAt) == bytes_.size() &&
        checksum128(bytes_.first(end())) == sealed) {
      return {};
    }
    return fail(ErrorCode::kMalformed, "cut or damaged");
  }

  Status read_header() {
    const auto content = number<std::uint32_t>(kContentAt);
    if (content != static_cast<std::uint32_t>(StateContent::kOne)) {
      return fail(ErrorCode::kUnsupported, "content {}, expected 1 (one state)", content);
    }
    std::memcpy(summary_.model.bytes.data(), bytes_.data() + kIdentityAt, 16);
    const auto code_r = number<std::uint32_t>(kTypeRAt);
    EDDY_TRY_ASSIGN(summary_.types.r, read_type(code_r & ~kByChance));
    EDDY_TRY_ASSIGN(summary_.types.s, read_type(number<std::uint32_t>(kTypeSAt)));
    if ((code_r & kByChance) != 0) summary_.types.rounding_r = Rounding::kByChance;
    if (summary_.types.code_r() != code_r) {  // F32, by chance
      return fail(ErrorCode::kUnsupported, "element type {}", code_r);
    }
    summary_.layout = {number<std::uint64_t>(kLayoutAt), number<std::uint64_t>(kLayoutAt + 8)};
    return {};
  }

  static Result<DType> read_type(std::uint32_t code) {
    const auto type = static_cast<DType>(code);
    if (type == DType::kF32 || type == DType::kF16 || type == DType::kBF16) return type;
    return fail(ErrorCode::kUnsupported, "element type {}", code);
  }

  Result<Section> next_section() {
    const std::uint64_t n_left = end() - at_;
    const std::uint64_t n_payload =
        n_left < kSectionExtraBytes ? n_left : number<std::uint64_t>(at_ + 8);
    if (n_left < kSectionExtraBytes || n_payload > n_left - kSectionExtraBytes) {
      return fail(ErrorCode::kMalformed, "at byte {}: a section of {} bytes, {} are left", at_,
                  n_payload, n_left);
    }
    const Section section = {.tag = number<std::uint32_t>(at_),
                             .index = number<std::uint32_t>(at_ + 4),
                             .payload = bytes_.subspan(at_ + kSectionHeadBytes, n_payload)};
    at_ += kSectionExtraBytes + n_payload;
    return section;
  }

  Status read_state() {
    EDDY_TRY_ASSIGN(const Section section, next_section());
    if (section.tag != kTagStat || section.payload.size() != sizeof(std::uint64_t)) {
      return fail(ErrorCode::kMalformed, "no section STAT of 8 bytes behind the header");
    }
    summary_.n_tokens = load_le<Pos>(section.payload.data());
    return {};
  }

  Status read_row() {
    const std::uint64_t at = at_;
    EDDY_TRY_ASSIGN(const Section section, next_section());
    StateSummary::Row row = {.layer = LayerId(static_cast<std::int32_t>(section.index)),
                             .elements = section.payload};
    switch (section.tag) {
      case kTagRowR: row.kind = StateKind::kR; break;
      case kTagRowS: row.kind = StateKind::kS; break;
      case kTagRowK: row.kind = StateKind::kK; break;
      case kTagRowV: row.kind = StateKind::kV; break;
      default: return fail(ErrorCode::kMalformed, "at byte {}: an unknown section", at);
    }
    row.type = row.kind == StateKind::kS ? summary_.types.s : summary_.types.r;
    if (row.has_type() && row.elements.size() % dtype_info(row.type).block_bytes != 0) {
      return fail(ErrorCode::kMalformed, "at byte {}: a row of {} bytes is no whole elements", at,
                  row.elements.size());
    }
    summary_.rows.push_back(row);
    return {};
  }

  std::span<const std::byte> bytes_;
  std::uint64_t at_ = kHeaderBytes;
  StateSummary summary_;
};

std::size_t n_elements(const StateSummary::Row& row) {
  return row.elements.size() / dtype_info(row.type).block_bytes;
}

double element(const StateSummary::Row& row, std::size_t i) {
  const std::byte* const at = row.elements.data() + i * dtype_info(row.type).block_bytes;
  switch (row.type) {
    case DType::kF16: return f16_to_f32(load_le<std::uint16_t>(at));
    case DType::kBF16: return bf16_to_f32(load_le<std::uint16_t>(at));
    default: return std::bit_cast<float>(load_le<std::uint32_t>(at));
  }
}

}  // namespace

Result<StateSummary> summarise_state(std::span<const std::byte> bytes) {
  return Summariser(bytes).run();
}

double state_norm(const StateSummary::Row& row) {
  double sum = 0;
  for (std::size_t i = 0; i < n_elements(row); ++i) sum += element(row, i) * element(row, i);
  return std::sqrt(sum);
}

double state_distance(const StateSummary::Row& a, const StateSummary::Row& b) {
  assert(a.type == b.type && a.elements.size() == b.elements.size());
  double sum = 0;
  for (std::size_t i = 0; i < n_elements(a); ++i) {
    const double d = element(a, i) - element(b, i);
    sum += d * d;
  }
  return std::sqrt(sum);
}

}  // namespace eddy
