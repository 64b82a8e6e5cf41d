#include "memory/state_writer.h"

#include <cassert>
#include <utility>

#include "base/little_endian.h"

namespace eddy {
namespace {

constexpr std::uint64_t kPieceBytes = 16 << 10;  // half of a first-level cache

std::uint64_t n_seqs_payload(std::size_t n_sequences) { return 8 + 8 * std::uint64_t{n_sequences}; }

}  // namespace

StateWriter::StateWriter(const StateFormat& format, Params&& params)
    : format_(format),
      states_(params.states),
      bytes_(std::move(params.frame.room)),
      owner_sum_(params.frame.sum),
      checksums_(params.frame.checksums) {
  const bool is_all = params.content == StateContent::kAll;
  std::uint64_t n_bytes = kHeaderBytes + kTrailerBytes;
  if (is_all) n_bytes += kSectionExtraBytes + n_seqs_payload(params.sequences.size());
  for (const Pos n_tokens : states_) n_bytes += format.n_state_bytes(n_tokens);
  const std::size_t n_all = params.frame.front.size() + n_bytes + params.frame.n_back;
  if (bytes_.capacity() < n_all) bytes_.clear();  // nothing to be copied
  bytes_.reserve(n_all);
  put_bytes(params.frame.front);
  n_summed_ = n_used_;
  put_header(params.content, n_bytes);
  if (is_all) put_sequences(params.sequences);
}

void StateWriter::put_header(StateContent content, std::uint64_t n_bytes) {
  put_bytes(std::as_bytes(std::span(kStateMagic).first(kVersionAt)));
  put(kStateVersion);
  put(static_cast<std::uint32_t>(content));
  put(n_bytes);
  put_bytes(std::as_bytes(std::span(format_.identity.bytes)));
  put(format_.types.code_r());
  put(format_.types.code_s());
  put(format_.layout.low);
  put(format_.layout.high);
  end_section();
}

void StateWriter::put_sequences(std::span<const StateOfSeq> sequences) {
  begin_section(kTagSeqs, 0, n_seqs_payload(sequences.size()));
  put(static_cast<std::uint32_t>(states_.size()));
  put(static_cast<std::uint32_t>(sequences.size()));
  for (const StateOfSeq& entry : sequences) {
    put(static_cast<std::uint32_t>(entry.seq.value));
    put(entry.state);
  }
}

void StateWriter::begin_state() {
  assert(next_state_ == 0 || next_row_ == format_.rows.size());
  begin_section(kTagStat, static_cast<std::uint32_t>(next_state_), sizeof(std::uint64_t));
  put(static_cast<std::uint64_t>(states_[next_state_++]));
  next_row_ = 0;
}

StateWriter::Piece StateWriter::begin_row() {
  assert(next_row_ < format_.rows.size());
  const StateFormat::Row& row = format_.rows[next_row_++];
  const std::uint64_t n_bytes = row.n_rows(states_[next_state_ - 1]) * row.n_bytes;
  begin_section(row.tag(), static_cast<std::uint32_t>(row.layer.value), n_bytes);
  const DTypeInfo& type = dtype_info(row.type);
  const std::uint64_t n_least = row.is_by_position() ? row.n_bytes : type.block_bytes;
  return {.type = type,
          .n_row_bytes = n_bytes,
          .n_bytes = std::max<std::uint64_t>(kPieceBytes / n_least, 1) * n_least};
}

std::vector<std::byte> StateWriter::finish() {
  end_section();
  const Digest128 digest = sum_.sum128();
  put(digest.low);
  put(digest.high);
  sum_up();
  bytes_.resize(n_used_);
  return std::move(bytes_);
}

void StateWriter::begin_section(std::uint32_t tag, std::uint32_t index, std::uint64_t n_payload) {
  end_section();
  is_open_ = true;
  put(tag);
  put(index);
  put(n_payload);
}

void StateWriter::end_section() {
  if (!is_open_) return;
  is_open_ = false;
  sum_up();
  put(section_sum_.sum64());
  sum_up();
  section_sum_.reset();
}

std::span<std::byte> StateWriter::claim(std::uint64_t n_bytes) {
  const std::size_t first = n_used_;
  n_used_ += n_bytes;
  assert(n_used_ <= bytes_.capacity());
  if (n_used_ > bytes_.size()) bytes_.resize(n_used_);
  return std::span(bytes_).subspan(first, n_bytes);
}

void StateWriter::put_bytes(std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, claim(bytes.size()).begin());
}

template <class T>
void StateWriter::put(T value) {
  store_le(claim(sizeof(T)).data(), value);
}

void StateWriter::sum_up() {
  if (checksums_ == Checksums::kIgnore) return;
  const auto added = std::span<const std::byte>(bytes_).first(n_used_).subspan(n_summed_);
  section_sum_.add(added);
  sum_.add(added);
  if (owner_sum_) owner_sum_->add(added);
  n_summed_ = n_used_;
}

}  // namespace eddy
