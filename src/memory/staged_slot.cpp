#include "memory/staged_slot.h"

#include <cassert>

namespace eddy {

StagedSlot::StagedSlot(std::uint32_t n_seq_max, std::size_t n_groups) : kv_lanes_(n_groups) {
  slot_.reserve(n_seq_max);
  lanes_.reserve(n_seq_max);
  for (auto& lanes : kv_lanes_) lanes.reserve(n_seq_max);
}

void StagedSlot::place(const UBatch& ubatch, Ledger& ledger) noexcept {
  assert(!is_staged_ && ubatch.parts.size() <= slot_.capacity());
  for (const UBatchPart& part : ubatch.parts) {
    const CellId src = ledger[part.seq].tail;
    const CellId dst = ledger.is_private(part.seq) ? src : ledger.stage();
    ledger.extend(src, dst, part.n_tokens);
    slot_.push_back({.seq = part.seq, .src = src, .dst = dst, .n_tokens = part.n_tokens});
    lanes_.push_back({.first_token = part.first_token,
                      .n_tokens = part.n_tokens,
                      .src = src == CellId() ? kZeroRow : src.value,
                      .dst = dst.value});
    for (std::size_t g = 0; g < kv_lanes_.size(); ++g) {
      kv_lanes_[g].push_back(ledger.kv().lane(g, dst, part.n_tokens));
    }
  }
  is_staged_ = true;
}

void StagedSlot::publish(Ledger& ledger) noexcept {
  for (const SlotEntry& entry : slot_) {
    ledger.set_tail(entry.seq, entry.dst, ledger[entry.seq].n_tokens + entry.n_tokens);
    assert(ledger.is_sound(entry.seq));
  }
  reset();
}

void StagedSlot::take_back(Ledger& ledger) noexcept {
  for (const SlotEntry& entry : slot_) {
    if (entry.is_in_place()) {
      ledger.drop(entry.seq, SeqStatus::kLost);
    } else {
      ledger.unstage(entry.dst);
    }
  }
  reset();
}

void StagedSlot::show(const UBatch& worst_case, const KvMemory& kv) noexcept {
  assert(!is_staged_ && worst_case.parts.size() <= lanes_.capacity());
  for (const UBatchPart& part : worst_case.parts) {
    lanes_.push_back({.first_token = part.first_token,
                      .n_tokens = part.n_tokens,
                      .src = kZeroRow,
                      .dst = part.part});
    for (std::size_t g = 0; g < kv_lanes_.size(); ++g) {
      kv_lanes_[g].push_back(kv.worst_lane(g, part.n_tokens));
    }
  }
}

void StagedSlot::reset() noexcept {
  slot_.clear();
  lanes_.clear();
  for (auto& lanes : kv_lanes_) lanes.clear();
  is_staged_ = false;
}

}  // namespace eddy
