#include "memory/ledger.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/error.h"
#include "base/try.h"

namespace eddy {

Ledger::Ledger(std::uint32_t mem_size, std::uint32_t n_seq_max, const Rooms& rooms)
    : tensors_(rooms.tensors),
      kv_(rooms.kv),
      log_(rooms.log),
      cells_(mem_size),
      anchors_(mem_size),
      sequences_(n_seq_max) {}

bool Ledger::has_room(const SlotNeeds& needs) const {
  for (std::size_t g = 0; g < needs.n_pages.size(); ++g) {
    if (needs.n_pages[g] > kv_.lists(g).n_free()) return false;
  }
  return needs.n_cells <= n_free();
}

bool Ledger::is_private(SeqId seq) const {
  const Sequence& s = sequences_[seq];
  return s.status == SeqStatus::kLive && cells_[s.tail].n_holders() == 1;
}

CellId Ledger::stage() {
  if (cells_.n_free() == 0) forget_as_anchor(cells_.first_idle());
  return cells_.take();
}

CellId Ledger::restage(SeqId seq) {
  const CellId id = sequences_[seq].tail;
  if (!is_private(seq) || is_anchor(id)) {
    drop(seq, SeqStatus::kEmpty);
    return stage();
  }
  unlink(seq);
  sequences_[seq].status = SeqStatus::kEmpty;
  sequences_[seq].n_tokens = 0;
  forget_past(id);
  kv_.release(id);
  ++cells_[id].generation;
  cells_[id].use = CellUse::kStaged;
  return id;
}

// --- Pages --------------------------------------------------------------------------------------

void Ledger::extend(CellId src, CellId dst, Pos n_before, std::int32_t n_tokens, Pos log_from) {
  if (kv_.has_groups()) kv_.extend(src, dst, n_tokens);
  if (!log_.is_on()) return;
  if (src != dst && src != CellId()) log_.share(src, dst, n_before);
  log_.extend(dst, n_before, n_tokens, log_from);
}

void Ledger::lend_pages(CellId src, CellId dst) {
  kv_.lend(src, dst);
  log_.move(src, dst);
}

void Ledger::give_back_pages(CellId dst, CellId src, Pos n_tokens) {
  kv_.give_back(dst, src, n_tokens);
  log_.truncate(dst, n_tokens);
  log_.move(dst, src);
}

void Ledger::share_pages(CellId src, CellId dst, Pos n_tokens) {
  if (kv_.has_groups()) kv_.share(src, dst, n_tokens);
  log_.share(src, dst, n_tokens);
}

void Ledger::truncate_pages(CellId cell, Pos n_tokens) {
  if (kv_.has_groups()) kv_.truncate(cell, n_tokens);
  log_.truncate(cell, n_tokens);
}

// --- Anchors ------------------------------------------------------------------------------------

bool Ledger::is_kept(const Anchor& anchor) const {
  if (anchor.cell == CellId()) return true;
  const Cell& cell = cells_[anchor.cell];
  return cell.n_anchored > 0 && cell.anchor_generation == anchor.generation;
}

AnchorList Ledger::anchors(CellId cell) const {
  AnchorList kept;
  if (!log_.is_on()) return kept;
  for (const Anchor& anchor : anchors_[cell].all()) {
    if (anchor.n_tokens >= log_.first(cell) && is_kept(anchor)) kept.add(anchor);
  }
  return kept;
}

void Ledger::set_anchors(CellId cell, const AnchorList& anchors) {
  AnchorList named;
  for (const Anchor& anchor : anchors.all()) {
    if (anchor.cell != CellId()) {
      Cell& c = cells_[anchor.cell];
      if (c.anchor_generation != anchor.generation || c.use == CellUse::kFree) continue;
      ++c.n_anchored;
      c.use = CellUse::kHeld;
    }
    named.add(anchor);
  }
  const AnchorList old = std::exchange(anchors_[cell], named);
  for (const Anchor& anchor : old.all()) {
    if (anchor.cell == CellId() || !is_kept(anchor)) continue;
    --cells_[anchor.cell].n_anchored;
    release_if_unheld(anchor.cell);
  }
  for (const Anchor& anchor : named.all()) {
    if (anchor.cell != CellId()) release_if_unheld(anchor.cell);
  }
}

void Ledger::forget_as_anchor(CellId cell) {
  if (cells_[cell].n_anchored == 0) return;
  cells_[cell].n_anchored = 0;
  ++cells_[cell].anchor_generation;
  release_if_unheld(cell);
}

void Ledger::hold_anchor(CellId cell) {
  if (cell == CellId()) return;
  if (cells_[cell].is_idle) cells_.remove_idle(cell);
  cells_[cell].is_source = true;
}

CellId Ledger::stage_anchor(CellId id) {
  Cell& cell = cells_[id];
  assert(cell.is_idle);
  cells_.remove_idle(id);
  cell.n_anchored = 0;
  ++cell.anchor_generation;
  ++cell.generation;
  cell.use = CellUse::kStaged;
  return id;
}

void Ledger::let_go_anchor(CellId cell) {
  if (cell == CellId()) return;
  cells_[cell].is_source = false;
  release_if_unheld(cell);
}

// The cell can lead to no earlier state.
void Ledger::forget_past(CellId cell) {
  if (!log_.is_on()) return;
  log_.release(cell);
  if (!anchors_[cell].empty()) set_anchors(cell, {});
}

void Ledger::unstage(CellId cell) {
  assert(cells_[cell].use == CellUse::kStaged);
  release_if_unheld(cell);
}

void Ledger::set_tail(SeqId seq, CellId cell, Pos n_tokens) {
  assert(n_tokens >= 0 && cells_[cell].use != CellUse::kFree);
  Sequence& s = sequences_[seq];
  const CellId old = s.tail;
  if (old != cell) {
    unlink(seq);
    link(seq, cell);
  }
  s.status = SeqStatus::kLive;
  s.n_tokens = n_tokens;
  if (kv_.has_groups()) kv_.settle(cell);
  cells_[cell].last_used = ++tick_;
  if (old != cell && cells_.contains(old)) release_if_unheld(old);
}

void Ledger::drop(SeqId seq, SeqStatus status) {
  assert(status != SeqStatus::kLive);
  Sequence& s = sequences_[seq];
  const CellId old = s.tail;
  unlink(seq);
  s.status = status;
  s.n_tokens = 0;
  if (cells_.contains(old)) release_if_unheld(old);
}

void Ledger::pin(CellId id, Pos n_tokens, double worth) {
  Cell& cell = cells_[id];
  assert(cell.use == CellUse::kHeld);
  cell.worth = cell.n_pins == 0 ? worth : std::max(cell.worth, worth);
  cell.n_pinned_tokens = n_tokens;
  ++cell.n_pins;
  cell.last_used = ++tick_;
}

void Ledger::unpin(CellId id) {
  assert(cells_[id].n_pins > 0);
  --cells_[id].n_pins;
  release_if_unheld(id);
}

void Ledger::unpin_all(CellId id) {
  Cell& cell = cells_[id];
  if (cell.n_pins == 0) return;
  cell.n_pins = 0;
  ++cell.pin_generation;
  release_if_unheld(id);
}

bool Ledger::is_pinned(CellId id, std::uint32_t pin_generation) const {
  return cells_.contains(id) && cells_[id].n_pins > 0 &&
         cells_[id].pin_generation == pin_generation;
}

void Ledger::link(SeqId seq, CellId id) {
  Cell& cell = cells_[id];
  Sequence& s = sequences_[seq];
  s.tail = id;
  s.generation = cell.generation;
  s.prev_sharer = SeqId();
  s.next_sharer = cell.first_sharer;
  if (sequences_.contains(s.next_sharer)) sequences_[s.next_sharer].prev_sharer = seq;
  cell.first_sharer = seq;
  cell.use = CellUse::kHeld;
  ++cell.n_sharers;
}

void Ledger::unlink(SeqId seq) {
  Sequence& s = sequences_[seq];
  if (!cells_.contains(s.tail)) return;
  Cell& cell = cells_[s.tail];
  if (sequences_.contains(s.next_sharer)) sequences_[s.next_sharer].prev_sharer = s.prev_sharer;
  if (sequences_.contains(s.prev_sharer)) sequences_[s.prev_sharer].next_sharer = s.next_sharer;
  if (cell.first_sharer == seq) cell.first_sharer = s.next_sharer;
  --cell.n_sharers;
  s.tail = CellId();
  s.next_sharer = SeqId();
  s.prev_sharer = SeqId();
}

void Ledger::release_if_unheld(CellId id) {
  Cell& cell = cells_[id];
  if (cell.n_sharers > 0) return;
  forget_past(id);  // a checkpoint is one state
  if (cell.n_holders() > 0) return;
  if (cell.n_anchored > 0) {
    if (cell.is_idle) return;
    kv_.release(id);
    cells_.add_idle(id);
    return;
  }
  if (cell.is_idle) cells_.remove_idle(id);
  tensors_.wipe(id);
  kv_.release(id);
  cells_.give_back(id);
}

bool Ledger::is_sound(SeqId seq) const {
  const Sequence& s = sequences_[seq];
  if (s.status != SeqStatus::kLive) return !cells_.contains(s.tail) && s.n_tokens == 0;
  if (!cells_.contains(s.tail) || s.n_tokens < 0) return false;
  const Cell& cell = cells_[s.tail];
  return cell.use == CellUse::kHeld && cell.generation == s.generation && cell.n_sharers > 0;
}

}  // namespace eddy
