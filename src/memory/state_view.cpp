#include "memory/state_view.h"

#include <cstring>
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

std::optional<std::uint64_t> tokens_of_state(std::span<const std::byte> bytes) {
  constexpr std::size_t kTokensAt = kHeaderBytes + kSectionHeadBytes;
  if (bytes.size() < kTokensAt + sizeof(std::uint64_t)) return std::nullopt;
  return load_le<std::uint64_t>(bytes.data() + kTokensAt);
}

Result<StateView> StateView::parse(std::span<const std::byte> bytes, const StateFormat& format,
                                   StateContent content, Checksums checksums) {
  StateView view;
  view.bytes_ = bytes;
  view.format_ = &format;
  EDDY_TRY(view.check_header(content, checksums));
  EDDY_TRY(view.check_origin());
  if (content == StateContent::kAll) EDDY_TRY(view.check_sequences(checksums));
  EDDY_TRY(view.check_states(checksums));
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
  const StateTypes& types = format_->types;
  if (u32(kTypeRAt) != types.code_r() || u32(kTypeSAt) != types.code_s()) {
    return fail(ErrorCode::kMismatch,
                "element types of R and S: {} and {}, expected {} and {} (0 F32, 1 F16, 30 BF16; "
                "256 more: rounded by chance)",
                u32(kTypeRAt), u32(kTypeSAt), types.code_r(), types.code_s());
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

Status StateView::check_states(Checksums checksums) const {
  std::uint64_t at = first_state_;
  for (std::uint32_t i = 0; i < n_states_; ++i) {
    EDDY_TRY_ASSIGN(at, check_state(i, at, checksums));
  }
  if (at == bytes_.size() - kTrailerBytes) return {};
  return fail(ErrorCode::kMalformed, "{} states end at byte {}, the trailer begins at {}",
              n_states_, at, bytes_.size() - kTrailerBytes);
}

// The state's sections begin at byte `at`; returns where they end.
Result<std::uint64_t> StateView::check_state(std::uint32_t state, std::uint64_t at,
                                             Checksums checksums) const {
  EDDY_TRY(check_section(at, kTagStat, state, sizeof(std::uint64_t), checksums));
  const std::uint64_t count = u64(at + kSectionHeadBytes);
  if (count > static_cast<std::uint64_t>(format_->n_tokens_max)) {
    return fail(ErrorCode::kMalformed, "STAT {}: {} tokens", state, count);
  }
  at += kSectionExtraBytes + sizeof(std::uint64_t);
  for (const StateFormat::Row& expected : format_->rows) {
    const auto layer = static_cast<std::uint32_t>(expected.layer.value);
    const auto n_payload = checked_mul(expected.n_rows(static_cast<Pos>(count)), expected.n_bytes);
    if (!n_payload) return fail(ErrorCode::kMalformed, "STAT {}: {} tokens", state, count);
    EDDY_TRY(check_section(at, expected.tag(), layer, *n_payload, checksums));
    const auto elements = bytes_.subspan(at + kSectionHeadBytes, *n_payload);
    if (const auto element = first_non_finite(expected.type, elements)) {
      return fail(ErrorCode::kNonFinite, "state {}: {}: element {} is not a finite number", state,
                  section_name(expected.tag(), layer), *element);
    }
    at += kSectionExtraBytes + *n_payload;
  }
  return at;
}

// Precondition: `at` is not behind the trailer's begin.
Status StateView::check_section(std::uint64_t at, std::uint32_t tag, std::uint32_t index,
                                std::uint64_t n_payload, Checksums checksums) const {
  const std::uint64_t n_left = bytes_.size() - kTrailerBytes - at;
  if (n_left < kSectionExtraBytes || n_left - kSectionExtraBytes < n_payload) {
    return fail(ErrorCode::kMalformed, "{}: {} bytes do not fit into the {} that are left",
                section_name(tag, index), n_payload, n_left);
  }
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

Pos StateView::Reader::next_state() {
  for (; n_rows_left_ > 0; --n_rows_left_) next_section();
  n_rows_left_ = view_.format_->rows.size();
  return static_cast<Pos>(load_le<std::uint64_t>(next_section().data()));
}

std::span<const std::byte> StateView::Reader::next_row() {
  --n_rows_left_;
  return next_section();
}

std::span<const std::byte> StateView::Reader::next_section() {
  const std::uint64_t n_payload = view_.u64(at_ + 8);
  const auto payload = view_.bytes_.subspan(at_ + kSectionHeadBytes, n_payload);
  at_ += kSectionExtraBytes + n_payload;
  return payload;
}

std::uint32_t StateView::u32(std::uint64_t at) const {
  return load_le<std::uint32_t>(bytes_.data() + at);
}

std::uint64_t StateView::u64(std::uint64_t at) const {
  return load_le<std::uint64_t>(bytes_.data() + at);
}

}  // namespace eddy
