#include "memory/staged_slot.h"

#include <cassert>

namespace eddy {

StagedSlot::StagedSlot(std::uint32_t n_seq_max, std::size_t n_groups) : kv_lanes_(n_groups) {
  const std::size_t n_lanes = std::size_t{n_seq_max} * (SlotEntry::kMaxCaptures + 1);
  slot_.reserve(n_seq_max);
  lanes_.reserve(n_lanes);
  log_lanes_.reserve(n_lanes);
  for (auto& lanes : kv_lanes_) lanes.reserve(n_lanes);
}

void StagedSlot::place(const UBatch& ubatch, Ledger& ledger) noexcept {
  assert(!is_staged_ && ubatch.parts.size() <= slot_.capacity());
  if (ledger.log().is_on()) {
    n_spare_ = ledger.n_free();
    for (const UBatchPart& part : ubatch.parts) n_spare_ -= ledger.is_private(part.seq) ? 0u : 1u;
  }
  for (const UBatchPart& part : ubatch.parts) place_part(part, ledger);
  is_staged_ = true;
}

void StagedSlot::place_part(const UBatchPart& part, Ledger& ledger) noexcept {
  const bool is_private = ledger.is_private(part.seq);
  const Pos n_before = ledger[part.seq].n_tokens;
  const CellId src = ledger[part.seq].tail;
  SlotEntry entry = {.seq = part.seq, .src = src, .dst = src, .n_tokens = part.n_tokens};
  Pos log_from = n_before + part.n_tokens;
  if (ledger.log().is_on()) {
    choose_anchors(entry, is_private, part.wants_anchor, ledger);
    if (!entry.anchors.empty()) log_from = entry.anchors.oldest().n_tokens;
  }
  if (!is_private || entry.is_moved) entry.dst = ledger.stage();
  if (entry.is_moved) ledger.lend_pages(src, entry.dst);
  ledger.extend(entry.is_moved ? entry.dst : src, entry.dst, n_before, part.n_tokens, log_from);
  slot_.push_back(entry);
  add_lanes(entry, part.first_token, ledger);
}

// Which states the sequence will be able to go back to. Anchors stand at multiples of the log's
// window: of those on the way the last two, so that the window before the end is always covered;
// and where none leads on from, at the beginning.
void StagedSlot::choose_anchors(SlotEntry& entry, bool is_private, bool wants_anchor,
                                Ledger& ledger) noexcept {
  const Pos window = ledger.log().n_rewind();
  const Pos n_before = ledger[entry.seq].n_tokens, n_after = n_before + entry.n_tokens;
  AnchorList& anchors = entry.anchors;
  if (!ledger.log().has_room(entry.n_tokens)) {
    if (is_private) ledger.forget_as_anchor(entry.src);
    return;
  }
  if (entry.src == CellId()) {
    anchors.add({});
  } else {
    anchors = ledger.anchors(entry.src);
    anchors.forget_before(n_after - window);
  }
  const Pos last = (n_after - 1) / window * window;
  const auto is_new = [&](Pos n) { return anchors.empty() || anchors.newest().n_tokens < n; };
  const bool begins_there = n_before == last || n_before == last - window;
  const bool wants_src = (begins_there || wants_anchor || anchors.empty()) && is_new(n_before);
  if (wants_src && (!is_private || n_spare_ > 0)) {
    entry.is_moved = is_private;
    n_spare_ -= is_private ? 1u : 0u;
    anchors.add(ledger.anchor_at(entry.src, n_before));
  } else if (is_private && ledger.is_anchor(entry.src)) {
    entry.is_moved = n_spare_ > 0;
    n_spare_ -= n_spare_ > 0 ? 1u : 0u;
    if (!entry.is_moved) ledger.forget_as_anchor(entry.src);
  }
  for (const Pos n : {last - window, last}) {
    if (n <= n_before || !is_new(n) || n_spare_ == 0) continue;
    --n_spare_;
    entry.caught[entry.n_captures++] = ledger.anchor_at(ledger.stage(), n);
    anchors.add(entry.caught[entry.n_captures - 1]);
    anchors.forget_before(n_after - window);
  }
}

void StagedSlot::add_lanes(const SlotEntry& entry, std::int32_t first_token,
                           const Ledger& ledger) noexcept {
  const Pos n_before = ledger[entry.seq].n_tokens, n_after = n_before + entry.n_tokens;
  Pos n = n_before;
  CellId src = entry.src;
  for (std::size_t i = 0; i <= entry.n_captures; ++i) {
    const bool is_last = i == entry.n_captures;
    const CellId dst = is_last ? entry.dst : entry.caught[i].cell;
    const Pos end = is_last ? n_after : entry.caught[i].n_tokens;
    lanes_.push_back({.first_token = first_token + static_cast<std::int32_t>(n - n_before),
                      .n_tokens = static_cast<std::int32_t>(end - n),
                      .src = src == CellId() ? kZeroRow : src.value,
                      .dst = dst.value,
                      .pos = static_cast<std::uint32_t>(n)});
    for (std::size_t g = 0; g < kv_lanes_.size(); ++g) {
      kv_lanes_[g].push_back(
          ledger.kv().lane(g, entry.dst, static_cast<std::int32_t>(n_after - n)));
    }
    if (ledger.log().is_on()) log_lanes_.push_back(ledger.log().lane(entry.dst, n));
    src = dst;
    n = end;
  }
}

void StagedSlot::publish(Ledger& ledger) noexcept {
  for (const SlotEntry& entry : slot_) {
    if (ledger.log().is_on()) ledger.set_anchors(entry.dst, entry.anchors);
    ledger.set_tail(entry.seq, entry.dst, ledger[entry.seq].n_tokens + entry.n_tokens);
    assert(ledger.is_sound(entry.seq));
  }
  reset();
}

void StagedSlot::take_back(Ledger& ledger) noexcept {
  for (const SlotEntry& entry : slot_) {
    for (const Anchor& capture : entry.captures()) ledger.unstage(capture.cell);
    if (entry.is_in_place()) {
      ledger.drop(entry.seq, SeqStatus::kLost);
      continue;
    }
    if (entry.is_moved) {
      ledger.give_back_pages(entry.dst, entry.src, ledger[entry.seq].n_tokens);
    }
    ledger.unstage(entry.dst);
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
  log_lanes_.clear();
  for (auto& lanes : kv_lanes_) lanes.clear();
  is_staged_ = false;
}

}  // namespace eddy
