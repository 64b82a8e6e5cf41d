// RecurrentMemory: the field's verbs on sequences, and checkpoints.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/try.h"
#include "memory/recurrent_memory.h"

namespace eddy {
namespace {

// How a range [p0, p1), negative ends meaning open, lies to the positions 0 .. n_tokens - 1.
enum class Overlap { kNone, kPart, kWhole };

Overlap overlap(Pos n_tokens, Pos p0, Pos p1) {
  const Pos first = p0 < 0 ? 0 : p0;
  const Pos end = p1 < 0 || p1 > n_tokens ? n_tokens : p1;
  if (first >= end) return Overlap::kNone;
  return first == 0 && end == n_tokens ? Overlap::kWhole : Overlap::kPart;
}

}  // namespace

Status RecurrentMemory::clear(bool data) {
  EDDY_TRY(check_idle());
  for (std::uint32_t i = 0; i < n_seq_max(); ++i) {
    ledger_.drop(SeqId(static_cast<std::int32_t>(i)), SeqStatus::kEmpty);
  }
  if (!data) return {};
  for (std::uint32_t i = 0; i < mem_size(); ++i) {
    ledger_.unpin_all(CellId(static_cast<std::int32_t>(i)));
  }
  return {};
}

Status RecurrentMemory::seq_rm(SeqId seq, Pos p0, Pos p1) {
  EDDY_TRY(check_changeable(seq));
  const bool is_all = p0 <= 0 && p1 < 0;
  if (!is_all) EDDY_TRY(check_has_state(seq));
  const Pos n_tokens = ledger_[seq].n_tokens;
  const Overlap removed = overlap(n_tokens, p0, p1);
  if (is_all || removed == Overlap::kWhole) {
    ledger_.drop(seq, SeqStatus::kEmpty);
    return {};
  }
  if (removed == Overlap::kNone) return {};
  if (p1 < 0 || p1 >= n_tokens) return is_recurrent() ? rewind(seq, p0) : remove_end(seq, p0);
  return fail(ErrorCode::kOutOfWindow,
              "sequence {}: cannot remove [{}, {}) of 0 .. {}: what follows depends on it; only an "
              "end can be removed",
              seq.value, p0, p1, n_tokens - 1);
}

// Keeps the first n_tokens of a live sequence with recurrent layers, at least 1.
Status RecurrentMemory::rewind(SeqId seq, Pos n_tokens) {
  const CellId tail = ledger_[seq].tail;
  const AnchorList all = ledger_.anchors(tail);
  AnchorList kept;
  for (const Anchor& anchor : all.all()) {
    if (anchor.n_tokens <= n_tokens) kept.add(anchor);
  }
  if (kept.empty() || !replay_) {
    EDDY_TRY_ASSIGN(const Pos nearest, seq_pos_min(seq));
    return fail(ErrorCode::kOutOfWindow,
                "sequence {}: cannot remove from {} on: of 0 .. {} the nearest state that can be "
                "had is that after {}, or the empty sequence",
                seq.value, n_tokens, ledger_[seq].n_tokens - 1, nearest);
  }
  const Anchor anchor = kept.newest();
  // The last free cell may be the anchor's own: then the state is made where the anchor lies.
  const bool is_last =
      anchor.cell != CellId() && ledger_[anchor.cell].is_idle && ledger_.n_free() == 1;
  if (!is_last) ledger_.hold_anchor(anchor.cell);  // not to be taken to make room
  planner_.begin();
  planner_.replace(seq, n_tokens);  // a cell, if others hold the tail too
  Status made = make_room();
  if (made) made = rewind_from(seq, kept, n_tokens, is_last);
  if (!is_last) ledger_.let_go_anchor(anchor.cell);
  return made;
}

// To the newest of the anchors and n_tokens of the log since; there is room.
Status RecurrentMemory::rewind_from(SeqId seq, const AnchorList& anchors, Pos n_tokens,
                                    bool takes_anchor) {
  const CellId tail = ledger_[seq].tail;
  const bool is_in_place = ledger_.is_private(seq);
  if (is_in_place) ledger_.forget_as_anchor(tail);
  const Anchor& anchor = anchors.newest();
  const CellId dst = is_in_place    ? tail
                     : takes_anchor ? ledger_.stage_anchor(anchor.cell)
                                    : ledger_.stage();
  const Status made = make_again(anchor, tail, dst, n_tokens);
  if (!made) {
    if (is_in_place) {
      ledger_.drop(seq, SeqStatus::kLost);
    } else {
      ledger_.unstage(dst);
    }
    return made;
  }
  if (is_in_place) {
    ledger_.truncate_pages(tail, n_tokens);
  } else {
    ledger_.share_pages(tail, dst, n_tokens);
  }
  ledger_.set_anchors(dst, anchors);
  ledger_.set_tail(seq, dst, n_tokens);
  return {};
}

// Makes the state after n_tokens in the rows of dst, from an anchor and the log of the tail.
Status RecurrentMemory::make_again(const Anchor& anchor, CellId tail, CellId dst, Pos n_tokens) {
  if (n_tokens == anchor.n_tokens) {
    if (anchor.cell != dst) tensors_.copy(anchor.cell, dst);
    return {};
  }
  walk_.is_open = true;  // the replay must not change us
  const bool has_cell = anchor.cell != CellId();
  Status done = replay_({.lane = {.n_tokens = static_cast<std::int32_t>(n_tokens - anchor.n_tokens),
                                  .src = has_cell ? anchor.cell.value : kZeroRow,
                                  .dst = dst.value},
                         .log = log_.lane(tail, anchor.n_tokens)});
  walk_.is_open = false;
  return done;
}

// Keeps the first n_tokens of a live sequence without recurrent layers, at least 1.
Status RecurrentMemory::remove_end(SeqId seq, Pos n_tokens) {
  const CellId tail = ledger_[seq].tail;
  if (n_tokens < kv_.n_tokens_min(tail)) {
    return fail(
        ErrorCode::kOutOfWindow,
        "sequence {}: cannot remove from {} on: of 0 .. {} the windows have passed the first",
        seq.value, n_tokens, kv_.n_tokens(tail) - 1);
  }
  planner_.begin();
  planner_.replace(seq, 0);  // a cell, if others hold the tail too
  EDDY_TRY(make_room());
  if (ledger_.is_private(seq)) {
    kv_.truncate(tail, n_tokens);
    ledger_.set_tail(seq, tail, n_tokens);
  } else {
    const CellId cell = ledger_.stage();
    kv_.share(tail, cell, n_tokens);
    ledger_.set_tail(seq, cell, n_tokens);
  }
  return {};
}

Status RecurrentMemory::seq_cp(SeqId src, SeqId dst, Pos p0, Pos p1) {
  EDDY_TRY(check_changeable(src));
  EDDY_TRY(check_seq(dst));
  EDDY_TRY(check_has_state(src));
  const Sequence& s = ledger_[src];
  const bool is_all = p0 <= 0 && (p1 < 0 || p1 >= s.n_tokens);
  if (!is_all) {
    return fail(ErrorCode::kOutOfWindow,
                "sequence {}: cannot copy [{}, {}) of 0 .. {}: only the state after {} is kept",
                src.value, p0, p1, s.n_tokens - 1, s.n_tokens - 1);
  }
  if (src == dst) return {};
  if (s.status == SeqStatus::kEmpty) {
    ledger_.drop(dst, SeqStatus::kEmpty);
  } else {
    ledger_.set_tail(dst, s.tail, s.n_tokens);
  }
  return {};
}

Status RecurrentMemory::seq_keep(SeqId seq) {
  EDDY_TRY(check_changeable(seq));
  for (std::uint32_t i = 0; i < n_seq_max(); ++i) {
    const SeqId other(static_cast<std::int32_t>(i));
    if (other != seq) ledger_.drop(other, SeqStatus::kEmpty);
  }
  return {};
}

Status RecurrentMemory::seq_add(SeqId seq, Pos p0, Pos p1, Pos shift) {
  EDDY_TRY(check_changeable(seq));
  EDDY_TRY(check_has_state(seq));
  const Pos n_tokens = ledger_[seq].n_tokens;
  if (shift == 0 || overlap(n_tokens, p0, p1) == Overlap::kNone) return {};
  if (shift > std::numeric_limits<Pos>::max() - n_tokens || shift < -n_tokens) {
    return fail(ErrorCode::kInvalidArgument, "sequence {}: positions 0 .. {} + {} overflow",
                seq.value, n_tokens - 1, shift);
  }
  return fail(ErrorCode::kUnsupported,
              "sequence {}: positions count the tokens of a recurrent state and cannot be shifted",
              seq.value);
}

Status RecurrentMemory::seq_div(SeqId seq, Pos p0, Pos p1, int d) {
  EDDY_TRY(check_changeable(seq));
  EDDY_TRY(check_has_state(seq));
  if (d < 1) return fail(ErrorCode::kInvalidArgument, "division by {}, expected at least 1", d);
  if (d == 1 || overlap(ledger_[seq].n_tokens, p0, p1) == Overlap::kNone) return {};
  return fail(ErrorCode::kUnsupported,
              "sequence {}: positions count the tokens of a recurrent state and cannot be divided",
              seq.value);
}

Result<Pos> RecurrentMemory::seq_pos_min(SeqId seq) const {
  EDDY_TRY_ASSIGN(const Pos newest, seq_pos_max(seq));
  if (newest < 0) return newest;
  if (is_recurrent()) {
    const AnchorList anchors = ledger_.anchors(ledger_[seq].tail);
    return anchors.empty() ? newest : std::max<Pos>(anchors.oldest().n_tokens, 1) - 1;
  }
  return std::max<Pos>(kv_.n_tokens_min(ledger_[seq].tail), 1) - 1;
}

Result<Pos> RecurrentMemory::seq_pos_max(SeqId seq) const {
  EDDY_TRY(check_has_state(seq));
  return ledger_[seq].n_tokens - 1;
}

bool RecurrentMemory::is_parked(SeqId seq) const {
  return ledger_.contains(seq) && ledger_[seq].status == SeqStatus::kParked;
}

// --- Checkpoints --------------------------------------------------------------------------------

Result<Checkpoint> RecurrentMemory::checkpoint(SeqId seq, double worth) {
  EDDY_TRY(check_changeable(seq));
  EDDY_TRY(check_has_state(seq));
  if (std::isnan(worth)) return fail(ErrorCode::kInvalidArgument, "worth is not a number");
  const Sequence& s = ledger_[seq];
  if (s.status == SeqStatus::kEmpty) {
    return fail(ErrorCode::kNotFound, "sequence {} is empty: no state to keep", seq.value);
  }
  ledger_.pin(s.tail, s.n_tokens, worth);
  return Checkpoint(*this, s.tail, ledger_[s.tail].pin_generation, s.n_tokens - 1);
}

Status RecurrentMemory::start(SeqId seq, const Checkpoint& checkpoint) {
  EDDY_TRY(check_changeable(seq));
  EDDY_TRY(check_handle(checkpoint));
  ledger_.set_tail(seq, checkpoint.cell_, checkpoint.pos_ + 1);
  return {};
}

Status RecurrentMemory::set_worth(const Checkpoint& checkpoint, double worth) {
  EDDY_TRY(check_idle());
  EDDY_TRY(check_handle(checkpoint));
  if (std::isnan(worth)) return fail(ErrorCode::kInvalidArgument, "worth is not a number");
  ledger_.set_worth(checkpoint.cell_, worth);
  return {};
}

Status RecurrentMemory::check_handle(const Checkpoint& checkpoint) const {
  if (checkpoint.memory_ != this) {
    return fail(ErrorCode::kInvalidArgument, "a checkpoint of another memory");
  }
  if (checkpoint.is_kept()) return {};
  return fail(ErrorCode::kOutOfWindow, "the checkpoint at position {} was evicted",
              checkpoint.pos_);
}

}  // namespace eddy
