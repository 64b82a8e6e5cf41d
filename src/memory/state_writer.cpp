#include "memory/state_writer.h"

#include <utility>

#include "base/little_endian.h"

namespace eddy {
namespace {

std::uint64_t n_seqs_payload(std::size_t n_sequences) { return 8 + 8 * std::uint64_t{n_sequences}; }

}  // namespace

StateWriter::StateWriter(const StateFormat& format, const Params& params)
    : format_(format), states_(params.states), start_(params.margins.front) {
  const bool is_all = params.content == StateContent::kAll;
  std::uint64_t n_bytes = kHeaderBytes + kTrailerBytes;
  if (is_all) n_bytes += kSectionExtraBytes + n_seqs_payload(params.sequences.size());
  for (const Pos n_tokens : states_) n_bytes += format.n_state_bytes(n_tokens);
  bytes_.reserve(start_ + n_bytes + params.margins.back);
  bytes_.resize(start_);
  put_header(params.content, n_bytes);
  if (is_all) put_sequences(params.sequences);
}

void StateWriter::put_header(StateContent content, std::uint64_t n_bytes) {
  const auto put_bytes = [&](std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  };
  put_bytes(std::as_bytes(std::span(kStateMagic).first(kVersionAt)));
  put(kStateVersion);
  put(static_cast<std::uint32_t>(content));
  put(n_bytes);
  put_bytes(std::as_bytes(std::span(format_.identity.bytes)));
  put(static_cast<std::uint32_t>(format_.type_r));
  put(static_cast<std::uint32_t>(format_.type_s));
  put(format_.layout.low);
  put(format_.layout.high);
  put_sum(start_);
  assert(bytes_.size() == start_ + kHeaderBytes);
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

std::uint64_t StateWriter::begin_row() {
  assert(next_row_ < format_.rows.size());
  const StateFormat::Row& row = format_.rows[next_row_++];
  const std::uint64_t n_bytes = row.n_rows(states_[next_state_ - 1]) * row.n_bytes;
  begin_section(row.tag(), static_cast<std::uint32_t>(row.layer.value), n_bytes);
  return n_bytes;
}

std::vector<std::byte> StateWriter::finish() {
  end_section();
  const Digest128 digest = checksum128(std::span(bytes_).subspan(start_));
  put(digest.low);
  put(digest.high);
  return std::move(bytes_);
}

void StateWriter::begin_section(std::uint32_t tag, std::uint32_t index, std::uint64_t n_payload) {
  end_section();
  section_ = bytes_.size();
  put(tag);
  put(index);
  put(n_payload);
}

void StateWriter::end_section() {
  if (section_ != 0) put_sum(section_);
  section_ = 0;
}

template <class T>
void StateWriter::put(T value) {
  assert(bytes_.size() + sizeof(T) <= bytes_.capacity());
  bytes_.resize(bytes_.size() + sizeof(T));
  store_le(bytes_.data() + bytes_.size() - sizeof(T), value);
}

// The checksum of everything from offset `from` on.
void StateWriter::put_sum(std::size_t from) { put(checksum64(std::span(bytes_).subspan(from))); }

}  // namespace eddy
