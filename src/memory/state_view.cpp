#include "memory/state_view.h"

#include <cstring>
#include <limits>
#include <string>

#include "base/checked.h"
#include "base/error.h"
#include "base/little_endian.h"
#include "base/try.h"
#include "memory/finite.h"

namespace eddy {
namespace {

constexpr std::uint64_t kSeqsHeadBytes = 8;   // u32 states, u32 sequences
constexpr std::uint64_t kSeqsEntryBytes = 8;  // u32 id, u32 state

// "ROWR 3": a section's name for messages.
std::string section_name(std::uint32_t tag, std::uint32_t index) {
  const char name[4] = {static_cast<char>(tag), static_cast<char>(tag >> 8),
                        static_cast<char>(tag >> 16), static_cast<char>(tag >> 24)};
  return fmt::format("{} {}", std::string_view(name, 4), index);
}

}  // namespace

Result<StateView> StateView::parse(std::span<const std::byte> bytes, const StateFormat& format,
                                   StateContent content, Checksums checksums) {
  StateView view;
  view.bytes_ = bytes;
  view.format_ = &format;
  EDDY_TRY(view.check_header(content, checksums));
  EDDY_TRY(view.check_origin());
  if (content == StateContent::kAll) EDDY_TRY(view.check_sequences(checksums));
  EDDY_TRY(view.check_size());
  for (std::uint32_t i = 0; i < view.n_states_; ++i) EDDY_TRY(view.check_state(i, checksums));
  if (checksums == Checksums::kVerify) EDDY_TRY(view.check_trailer());
  return view;
}

Status StateView::check_header(StateContent content, Checksums checksums) const {
  if (bytes_.size() < kHeaderBytes + kTrailerBytes) {
    return fail(ErrorCode::kMalformed, "{} bytes, fewer than a header", bytes_.size());
  }
  if (std::memcmp(bytes_.data(), kStateMagic, kVersionAt) != 0) {
    return fail(ErrorCode::kMalformed, "no serialised state: it does not begin with {}",
                kStateMagic);
  }
  if (checksums == Checksums::kVerify &&
      checksum64(bytes_.first(kHeaderSumAt)) != u64(kHeaderSumAt)) {
    return fail(ErrorCode::kMalformed, "header: the checksum differs");
  }
  if (u32(kVersionAt) != kStateVersion) {
    return fail(ErrorCode::kUnsupported, "version {}, expected {}", u32(kVersionAt), kStateVersion);
  }
  if (u64(kSizeAt) != bytes_.size()) {
    return fail(ErrorCode::kMalformed, "{} bytes, expected {}", bytes_.size(), u64(kSizeAt));
  }
  if (u32(kContentAt) != static_cast<std::uint32_t>(content)) {
    return fail(ErrorCode::kMismatch, "content {}, expected {} (1 one state, 2 all sequences)",
                u32(kContentAt), static_cast<std::uint32_t>(content));
  }
  return {};
}

Status StateView::check_origin() const {
  const auto& identity = format_->identity.bytes;
  if (std::memcmp(bytes_.data() + kIdentityAt, identity.data(), identity.size()) != 0) {
    return fail(ErrorCode::kMismatch, "made by another model");
  }
  if (u32(kTypeRAt) != static_cast<std::uint32_t>(format_->type_r) ||
      u32(kTypeSAt) != static_cast<std::uint32_t>(format_->type_s)) {
    return fail(ErrorCode::kMismatch, "element types {} and {}, expected {} and {}", u32(kTypeRAt),
                u32(kTypeSAt), static_cast<std::uint32_t>(format_->type_r),
                static_cast<std::uint32_t>(format_->type_s));
  }
  if (Digest128{u64(kLayoutAt), u64(kLayoutAt + 8)} != format_->layout) {
    return fail(ErrorCode::kMismatch, "made for other layers or row lengths");
  }
  return {};
}

// Canonical: ids rise, and states are numbered in the order in which sequences name them.
Status StateView::check_sequences(Checksums checksums) {
  const std::uint64_t at = kHeaderBytes + kSectionHeadBytes;
  const std::uint64_t n_left = bytes_.size() - kHeaderBytes - kTrailerBytes;
  if (n_left < kSectionExtraBytes + kSeqsHeadBytes) {
    return fail(ErrorCode::kMalformed, "SEQS 0: {} bytes left", n_left);
  }
  n_states_ = u32(at);
  n_sequences_ = u32(at + 4);
  const std::uint64_t n_payload = kSeqsHeadBytes + std::uint64_t{n_sequences_} * kSeqsEntryBytes;
  if (n_left < kSectionExtraBytes + n_payload) {
    return fail(ErrorCode::kMalformed, "SEQS 0: {} sequences do not fit into {} bytes",
                n_sequences_, n_left);
  }
  EDDY_TRY(check_section(kHeaderBytes, kTagSeqs, 0, n_payload, checksums));
  std::int64_t last_id = -1;
  std::uint32_t n_named = 0;
  for (std::uint32_t i = 0; i < n_sequences_; ++i) {
    const auto [seq, state] = sequence(i);
    if (seq.value <= last_id || state > n_named) {
      return fail(ErrorCode::kMalformed, "SEQS 0: entry {}: sequence {}, state {}: out of order", i,
                  seq.value, state);
    }
    last_id = seq.value;
    n_named += state == n_named ? 1u : 0u;
  }
  if (n_named == 0 || n_named != n_states_) {
    return fail(ErrorCode::kMalformed, "SEQS 0: {} states, {} are named", n_states_, n_named);
  }
  first_state_ = kHeaderBytes + kSectionExtraBytes + n_payload;
  return {};
}

Status StateView::check_size() {
  const auto n_states = checked_mul(n_states_, format_->n_state_bytes);
  const auto end = n_states ? checked_add(first_state_ + kTrailerBytes, *n_states) : std::nullopt;
  if (end != bytes_.size()) {
    return fail(ErrorCode::kMalformed, "{} bytes do not hold {} states of {} bytes", bytes_.size(),
                n_states_, format_->n_state_bytes);
  }
  return {};
}

Status StateView::check_state(std::uint32_t state, Checksums checksums) const {
  const std::uint64_t at = first_state_ + state * format_->n_state_bytes;
  EDDY_TRY(check_section(at, kTagStat, state, sizeof(std::uint64_t), checksums));
  const std::uint64_t count = u64(at + kSectionHeadBytes);
  if (count < 1 || count > static_cast<std::uint64_t>(std::numeric_limits<Pos>::max())) {
    return fail(ErrorCode::kMalformed, "STAT {}: {} tokens", state, count);
  }
  for (std::size_t i = 0; i < format_->rows.size(); ++i) {
    const StateFormat::Row& expected = format_->rows[i];
    const auto layer = static_cast<std::uint32_t>(expected.layer.value);
    EDDY_TRY(check_section(at + expected.offset - kSectionHeadBytes, expected.tag(), layer,
                           expected.n_bytes, checksums));
    if (const auto element = first_non_finite(expected.type, row(state, i))) {
      return fail(ErrorCode::kNonFinite, "state {}: {}: element {} is not a finite number", state,
                  section_name(expected.tag(), layer), *element);
    }
  }
  return {};
}

// Precondition: the section lies inside the bytes.
Status StateView::check_section(std::uint64_t at, std::uint32_t tag, std::uint32_t index,
                                std::uint64_t n_payload, Checksums checksums) const {
  if (u32(at) != tag || u32(at + 4) != index || u64(at + 8) != n_payload) {
    return fail(ErrorCode::kMalformed, "at byte {}: no section {} of {} bytes", at,
                section_name(tag, index), n_payload);
  }
  const std::uint64_t n_summed = kSectionHeadBytes + n_payload;
  if (checksums == Checksums::kVerify &&
      checksum64(bytes_.subspan(at, n_summed)) != u64(at + n_summed)) {
    return fail(ErrorCode::kMalformed, "{}: the checksum differs", section_name(tag, index));
  }
  return {};
}

Status StateView::check_trailer() const {
  const std::uint64_t at = bytes_.size() - kTrailerBytes;
  if (checksum128(bytes_.first(at)) == Digest128{u64(at), u64(at + 8)}) return {};
  return fail(ErrorCode::kMalformed, "trailer: the checksum of the whole differs");
}

StateOfSeq StateView::sequence(std::uint32_t i) const {
  const std::uint64_t at =
      kHeaderBytes + kSectionHeadBytes + kSeqsHeadBytes + std::uint64_t{i} * kSeqsEntryBytes;
  return {.seq = SeqId(static_cast<std::int32_t>(u32(at))), .state = u32(at + 4)};
}

Pos StateView::n_tokens(std::uint32_t state) const {
  return static_cast<Pos>(u64(first_state_ + state * format_->n_state_bytes + kSectionHeadBytes));
}

std::span<const std::byte> StateView::row(std::uint32_t state, std::size_t row) const {
  const StateFormat::Row& r = format_->rows[row];
  return bytes_.subspan(first_state_ + state * format_->n_state_bytes + r.offset, r.n_bytes);
}

std::uint32_t StateView::u32(std::uint64_t at) const {
  return load_le<std::uint32_t>(bytes_.data() + at);
}

std::uint64_t StateView::u64(std::uint64_t at) const {
  return load_le<std::uint64_t>(bytes_.data() + at);
}

}  // namespace eddy
