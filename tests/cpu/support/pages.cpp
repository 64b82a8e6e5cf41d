#include "cpu/support/pages.h"

#include <algorithm>

namespace eddy::test {
namespace {

constexpr int kNan = 0xff;   // every byte of a NaN, in every element type
constexpr int kPast = 0x2c;  // a small number in every element type

std::uint64_t bytes_of(DType type, std::uint64_t n) { return row_bytes(type, n).value(); }

}  // namespace

PagesOfCase::PagesOfCase(const OpCaseShape& shape)
    : shape_(shape.kv), sequences_(static_cast<std::size_t>(shape.n_seqs)) {
  if (shape_.k_elems == 0) return;
  const int n_positions = shape_.n_past + shape.n_tokens;
  const int n_pages = shape.n_seqs * (n_positions / kKvPage + 3);
  pages_.k_bytes = bytes_of(shape_.type, shape_.k_elems);
  pages_.v_bytes = bytes_of(shape_.type, shape_.v_elems);
  pages_.offset = 192;
  pages_.stride = (kKvPage * (pages_.k_bytes + pages_.v_bytes) + 63) / 64 * 64 + 64;
  pages_.n_pages = static_cast<std::uint32_t>(n_pages);
  pages_.type = shape_.type;
  buffer_ = host_buffer_type().allocate(pages_.offset + pages_.stride * pages_.n_pages).value();
  pages_.buffer = buffer_.get();
  for (std::int32_t page = 0; page < n_pages; ++page) {
    fill(page, kNan);
    free_.insert(free_.begin() + page / 2, page);  // neighbours in time are none in memory
  }
  for (Sequence& sequence : sequences_) {
    for (int pos = 0; pos < shape_.n_past; pos += kKvPage) sequence.pages.push_back(take(kPast));
  }
}

KvLane PagesOfCase::place(const Feed& feed, int n_fed) {
  Sequence& sequence = sequences_[static_cast<std::size_t>(feed.seq)];
  const std::int32_t pos = shape_.n_past + n_fed;
  if (shape_.k_elems == 0) return {.pos = pos, .first_page = 0, .pages = {}};
  for (; sequence.first_page < first_shown(pos); ++sequence.first_page) {
    give_back(sequence.pages.front());
    sequence.pages.erase(sequence.pages.begin());
  }
  if (feed.moves && pos % kKvPage != 0) {
    const std::int32_t copy = take(kNan), old = sequence.pages.back();
    std::vector<std::byte> bytes(pages_.stride);
    buffer_->read(at(old), bytes);
    buffer_->write(at(copy), bytes);
    sequence.pages.back() = copy;
    give_back(old);
  }
  const std::int32_t last_page = (pos + feed.n_tokens - 1) / kKvPage;
  while (sequence.first_page + std::ssize(sequence.pages) <= last_page) {
    sequence.pages.push_back(take(kNan));
  }
  return {.pos = pos, .first_page = sequence.first_page, .pages = sequence.pages};
}

std::vector<std::byte> PagesOfCase::bytes(int seq, int n_fed) const {
  std::vector<std::byte> out;
  if (shape_.k_elems == 0) return out;
  const Sequence& sequence = sequences_[static_cast<std::size_t>(seq)];
  const std::int32_t end = shape_.n_past + n_fed;
  for (std::int32_t pos = first_shown(end) * kKvPage; pos < end; ++pos) {
    const std::int32_t page =
        sequence.pages[static_cast<std::size_t>(pos / kKvPage - sequence.first_page)];
    const auto row = static_cast<std::uint64_t>(pos % kKvPage);
    std::vector<std::byte> k(pages_.k_bytes), v(pages_.v_bytes);
    buffer_->read(at(page) + row * pages_.k_bytes, k);
    buffer_->read(at(page) + kKvPage * pages_.k_bytes + row * pages_.v_bytes, v);
    out.insert(out.end(), k.begin(), k.end());
    out.insert(out.end(), v.begin(), v.end());
  }
  return out;
}

std::int32_t PagesOfCase::take(int byte) {
  const std::int32_t page = free_.back();
  free_.pop_back();
  fill(page, byte);
  return page;
}

void PagesOfCase::give_back(std::int32_t page) {
  fill(page, kNan);
  free_.insert(free_.begin(), page);
}

// The page of the first position that a token at `pos` sees.
std::int32_t PagesOfCase::first_shown(std::int64_t pos) const {
  if (shape_.window == 0) return 0;
  return static_cast<std::int32_t>(std::max<std::int64_t>(pos - shape_.window + 1, 0) / kKvPage);
}

void PagesOfCase::fill(std::int32_t page, int byte) {
  buffer_->write(at(page), std::vector<std::byte>(pages_.stride, static_cast<std::byte>(byte)));
}

std::uint64_t PagesOfCase::at(std::int32_t page) const {
  return pages_.offset + static_cast<std::uint64_t>(page) * pages_.stride;
}

}  // namespace eddy::test
