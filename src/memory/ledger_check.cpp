// The ledger's invariants, as RecurrentMemory numbers them.
#include <string_view>

#include "base/error.h"
#include "base/try.h"
#include "memory/ledger.h"

namespace eddy {
namespace {

// A broken invariant is a mistake of ours; the code says no more than that nothing can be trusted.
template <class... Args>
Error broken(std::string_view invariant, fmt::format_string<Args...> format, Args&&... args) {
  return prefixed(invariant, fail(ErrorCode::kMalformed, format, std::forward<Args>(args)...));
}

// I1: a list that ends after n_free steps holds that many different cells.
Status check_free_list(const Cells& cells) {
  CellId id = cells.first_free();
  for (std::uint32_t n = 0; n < cells.n_free(); ++n) {
    if (!cells.contains(id)) return broken("I1", "the free list ends after {} cells", n);
    if (cells[id].use != CellUse::kFree) return broken("I1", "cell {} is not free", id.value);
    id = cells[id].next_free;
  }
  if (cells.contains(id)) return broken("I1", "more than {} cells are free", cells.n_free());
  return {};
}

// I2, I4: one cell's list of sharers.
Status check_sharers(CellId id, const Cell& cell, const Sequences& sequences) {
  SeqId prev;
  SeqId seq = cell.first_sharer;
  for (std::uint32_t n = 0; n < cell.n_sharers; ++n) {
    if (!sequences.contains(seq)) return broken("I2", "cell {} lacks a sharer", id.value);
    const Sequence& s = sequences[seq];
    if (s.tail != id || s.prev_sharer != prev) {
      return broken("I2", "sequence {} is wrongly linked to cell {}", seq.value, id.value);
    }
    if (s.generation != cell.generation || s.n_tokens != sequences[cell.first_sharer].n_tokens) {
      return broken("I4", "sequence {} disagrees with cell {}", seq.value, id.value);
    }
    prev = seq;
    seq = s.next_sharer;
  }
  if (sequences.contains(seq)) return broken("I2", "cell {} has a sharer too many", id.value);
  return {};
}

// I1, I5: what a cell's use allows.
Status check_use(CellId id, const Cell& cell) {
  const bool is_held = cell.use == CellUse::kHeld;
  if (is_held != (cell.n_holders() + cell.n_anchored > 0)) {
    return broken("I1", "cell {}: use {}, {} holders, an anchor of {}", id.value,
                  static_cast<int>(cell.use), cell.n_holders(), cell.n_anchored);
  }
  if (cell.is_idle != (cell.n_holders() == 0 && cell.n_anchored > 0)) {
    return broken("I8", "cell {}: {} holders, an anchor of {}, idle: {}", id.value,
                  cell.n_holders(), cell.n_anchored, cell.is_idle);
  }
  return {};
}

// I3, and I2 from the other side: every live sequence is in some cell's list.
Status check_sequences(const Ledger& ledger, std::size_t n_linked) {
  std::size_t n_live = 0;
  for (std::uint32_t i = 0; i < ledger.n_seq_max(); ++i) {
    const SeqId seq(static_cast<std::int32_t>(i));
    if (!ledger.is_sound(seq)) return broken("I3", "sequence {} and its tail disagree", i);
    n_live += ledger[seq].status == SeqStatus::kLive ? 1u : 0u;
  }
  if (n_live != n_linked) return broken("I2", "{} live sequences, {} linked", n_live, n_linked);
  return {};
}

// I5: the cells that the open context has staged, and no other.
Status check_slot(const Cells& cells, std::span<const SlotEntry> slot, std::size_t n_staged) {
  std::size_t n_expected = 0;
  for (const SlotEntry& entry : slot) {
    for (const Anchor& capture : entry.captures()) {
      if (cells[capture.cell].use != CellUse::kStaged) {
        return broken("I5", "cell {} of the slot is not staged", capture.cell.value);
      }
      ++n_expected;
    }
    const CellUse use = entry.is_in_place() ? CellUse::kHeld : CellUse::kStaged;
    if (cells[entry.dst].use != use) {
      return broken("I5", "cell {} of the slot: use {}", entry.dst.value,
                    static_cast<int>(cells[entry.dst].use));
    }
    n_expected += entry.is_in_place() ? 0u : 1u;
  }
  if (n_staged == n_expected) return {};
  return broken("I5", "{} cells are staged, the slot has {}", n_staged, n_expected);
}

// I7: a cell's pages are those of as many tokens as its sequences count, and of those of the slot.
Status check_tokens(const Ledger& ledger, std::span<const SlotEntry> slot) {
  if (ledger.kv().n_groups() == 0) return {};
  Table<CellId, Pos> n_expected(ledger.mem_size());
  for (std::uint32_t i = 0; i < ledger.n_seq_max(); ++i) {
    const Sequence& s = ledger[SeqId(static_cast<std::int32_t>(i))];
    if (s.status == SeqStatus::kLive) n_expected[s.tail] = s.n_tokens;
  }
  for (const SlotEntry& entry : slot) {
    if (entry.is_moved && ledger.kv().n_tokens(entry.src) == 0) n_expected[entry.src] = 0;  // lent
    n_expected[entry.dst] = ledger[entry.seq].n_tokens + entry.n_tokens;
  }
  for (std::uint32_t i = 0; i < ledger.mem_size(); ++i) {
    const CellId id(static_cast<std::int32_t>(i));
    const Pos n_tokens = ledger.kv().n_tokens(id);
    const bool is_pinned_only = ledger[id].n_sharers == 0 && ledger[id].n_pins > 0;
    if (is_pinned_only ? n_tokens > 0 : n_tokens == n_expected[id]) continue;
    return broken("I7", "cell {}: pages of {} tokens, not {}", i, n_tokens, n_expected[id]);
  }
  return {};
}

// I8: a tail's log ends where its state does, if there is one.
Status check_logs(const Ledger& ledger) {
  for (std::uint32_t i = 0; i < ledger.n_seq_max() && ledger.log().is_on(); ++i) {
    const Sequence& s = ledger[SeqId(static_cast<std::int32_t>(i))];
    if (s.status != SeqStatus::kLive) continue;
    const Pos end = ledger.log().end(s.tail);
    if (end == s.n_tokens || end == 0) continue;
    return broken("I8", "sequence {}: a log up to {}, a state of {} tokens", i, end, s.n_tokens);
  }
  return {};
}

}  // namespace

// I8: a cell counts those that name it as an anchor.
Status Ledger::check_anchors() const {
  Table<CellId, std::uint32_t> n_named(mem_size());
  for (const AnchorList& list : anchors_) {
    for (const Anchor& anchor : list.all()) {
      if (anchor.cell != CellId() && is_kept(anchor)) ++n_named[anchor.cell];
    }
  }
  std::uint32_t n_idle = 0;
  for (std::uint32_t i = 0; i < mem_size(); ++i) {
    const CellId id(static_cast<std::int32_t>(i));
    n_idle += cells_[id].is_idle ? 1u : 0u;
    if (n_named[id] == cells_[id].n_anchored) continue;
    return broken("I8", "cell {} is an anchor of {}, {} name it", i, cells_[id].n_anchored,
                  n_named[id]);
  }
  if (n_idle == cells_.n_idle()) return {};
  return broken("I8", "{} cells are idle, not {}", n_idle, cells_.n_idle());
}

Status Ledger::check(std::span<const SlotEntry> slot) const {
  EDDY_TRY(check_free_list(cells_));
  std::size_t n_linked = 0, n_staged = 0, n_free = 0;
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    const CellId id(static_cast<std::int32_t>(i));
    const Cell& cell = cells_[id];
    EDDY_TRY(check_use(id, cell));
    EDDY_TRY(check_sharers(id, cell, sequences_));
    n_linked += cell.n_sharers;
    n_staged += cell.use == CellUse::kStaged ? 1u : 0u;
    n_free += cell.use == CellUse::kFree ? 1u : 0u;
  }
  if (n_free != cells_.n_free()) return broken("I1", "{} cells are free", n_free);
  EDDY_TRY(check_slot(cells_, slot, n_staged));
  EDDY_TRY(check_tokens(*this, slot));
  EDDY_TRY(check_anchors());
  if (slot.empty()) EDDY_TRY(check_logs(*this));
  return check_sequences(*this, n_linked);
}

}  // namespace eddy
