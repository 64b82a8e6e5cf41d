#include "memory/batch_cutter.h"

#include <algorithm>
#include <cassert>

namespace eddy {

BatchCutter::BatchCutter(std::uint32_t n_seq_max, std::uint32_t n_ubatch_max) {
  batch_.reserve(n_seq_max);
  parts_.reserve(n_seq_max);
  tokens_.reserve(n_ubatch_max);
  outputs_.reserve(n_ubatch_max);
}

void BatchCutter::start(Batch batch, std::uint32_t n_ubatch) {
  assert(!batch.empty() && batch.size() <= batch_.capacity());
  assert(n_ubatch >= 1 && n_ubatch <= tokens_.capacity());
  batch_.assign(batch.begin(), batch.end());
  n_ubatch_ = n_ubatch;
  part_ = 0;
  part_offset_ = 0;
  next();
}

bool BatchCutter::next() {
  clear_ubatch();
  while (part_ < batch_.size() && tokens_.size() < n_ubatch_) {
    const std::size_t n_left = batch_[part_].tokens.size() - part_offset_;
    add(part_, std::min(n_left, n_ubatch_ - tokens_.size()));
    if (part_offset_ == batch_[part_].tokens.size()) {
      ++part_;
      part_offset_ = 0;
    }
  }
  refresh_view();
  return !parts_.empty();
}

void BatchCutter::show_worst_case(std::uint32_t n_parts, std::uint32_t n_tokens) {
  assert(n_parts >= 1 && n_parts <= n_tokens);
  reset();
  tokens_.assign(n_tokens, Token(0));
  for (std::uint32_t i = 0; i < n_parts; ++i) {
    const auto first = static_cast<std::int32_t>(std::uint64_t{n_tokens} * i / n_parts);
    const auto end = static_cast<std::int32_t>(std::uint64_t{n_tokens} * (i + 1) / n_parts);
    const auto id = static_cast<std::int32_t>(i);
    parts_.push_back({.seq = SeqId(id), .part = id, .first_token = first, .n_tokens = end - first});
  }
  for (std::uint32_t i = 0; i < n_tokens; ++i) outputs_.push_back(static_cast<std::int32_t>(i));
  refresh_view();
}

void BatchCutter::reset() {
  batch_.clear();
  part_ = 0;
  clear_ubatch();
  refresh_view();
}

void BatchCutter::clear_ubatch() {
  tokens_.clear();
  parts_.clear();
  outputs_.clear();
}

// Moves the next n_tokens of a part into the micro-batch.
void BatchCutter::add(std::size_t part, std::size_t n_tokens) {
  const BatchPart& source = batch_[part];
  const auto first = static_cast<std::int32_t>(tokens_.size());
  const auto count = static_cast<std::int32_t>(n_tokens);
  const auto cut = source.tokens.subspan(part_offset_, n_tokens);
  tokens_.insert(tokens_.end(), cut.begin(), cut.end());
  parts_.push_back({.seq = source.seq,
                    .part = static_cast<std::int32_t>(part),
                    .first_token = first,
                    .n_tokens = count,
                    .wants_anchor = source.wants_anchor && part_offset_ == 0});
  part_offset_ += n_tokens;
  const bool is_last = part_offset_ == source.tokens.size();
  if (source.outputs == Outputs::kAll) {
    for (std::int32_t i = 0; i < count; ++i) outputs_.push_back(first + i);
  } else if (source.outputs == Outputs::kLast && is_last) {
    outputs_.push_back(first + count - 1);
  }
}

void BatchCutter::refresh_view() {
  ubatch_ = UBatch{.tokens = tokens_, .parts = parts_, .outputs = outputs_};
}

}  // namespace eddy
