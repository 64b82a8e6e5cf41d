// RecurrentMemory: a batch's way into the memory: plan, make room, open a context, place.
#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "memory/recurrent_memory.h"
#include "memory/state_io.h"

namespace eddy {
// --- Contexts -----------------------------------------------------------------------------------

Result<RecurrentContext> RecurrentMemory::init_batch(Batch batch, std::uint32_t n_ubatch) {
  EDDY_TRY(check_idle());
  EDDY_TRY(plan(batch, n_ubatch));
  EDDY_TRY(make_room());
  walk_.cutter.start(batch, n_ubatch);
  return open_context(ContextStatus::kSuccess);
}

Result<RecurrentContext> RecurrentMemory::init_full() {
  EDDY_TRY(check_idle());
  const std::uint32_t n_lanes = std::min({n_seq_max(), mem_size(), n_ubatch_max_});
  walk_.cutter.show_worst_case(n_lanes, n_ubatch_max_);
  walk_.staged.show(walk_.cutter.ubatch(), kv_);
  return open_context(ContextStatus::kPlanOnly);
}

Result<RecurrentContext> RecurrentMemory::init_update() {
  EDDY_TRY(check_idle());
  return open_context(ContextStatus::kNoUpdate);
}

Result<RecurrentContext> RecurrentMemory::open_context(ContextStatus status) {
  walk_.is_open = true;
  walk_.status = status;
  return RecurrentContext(*this);
}

void RecurrentMemory::close_context() noexcept {
  walk_.staged.take_back(ledger_);
  walk_.cutter.reset();
  walk_.is_open = false;
  walk_.status = ContextStatus::kNoUpdate;
}

Status RecurrentMemory::prepare(std::span<const UBatch> ubatches) const {
  EDDY_TRY(plan(ubatches));
  if (!evictor_.choose(planner_, {})) return full();
  return {};
}

Status RecurrentMemory::find_slot(const UBatch& ubatch) {
  if (walk_.status != ContextStatus::kSuccess || walk_.staged.is_staged()) {
    return fail(ErrorCode::kInvalidArgument, "find_slot: no context waits for a slot");
  }
  EDDY_TRY(plan(std::span(&ubatch, 1)));
  EDDY_TRY(make_room());
  walk_.staged.place(ubatch, ledger_);
  return {};
}

// --- Planning -----------------------------------------------------------------------------------

Status RecurrentMemory::plan(Batch batch, std::uint32_t n_ubatch) const {
  if (n_ubatch < 1 || n_ubatch > n_ubatch_max_) {
    return fail(ErrorCode::kInvalidArgument, "n_ubatch {}, expected 1 .. {}", n_ubatch,
                n_ubatch_max_);
  }
  if (batch.empty()) return fail(ErrorCode::kInvalidArgument, "an empty batch");
  planner_.begin();
  std::uint64_t n_tokens = 0;  // of the parts so far: BatchCutter cuts every n_ubatch
  for (const BatchPart& part : batch) {
    const std::uint64_t n_part = part.tokens.size();
    const auto n_at_once = static_cast<std::uint32_t>(std::min<std::uint64_t>(n_part, n_ubatch));
    const bool is_repeated = ledger_.contains(part.seq) && planner_.uses(part.seq);
    if (is_repeated || !plan_part({.seq = part.seq,
                                   .n_tokens_max = n_at_once,
                                   .ubatch = n_tokens / n_ubatch,
                                   .n_tokens = n_part})) {
      return part_error(part.seq, n_part);
    }
    n_tokens += n_part;
  }
  return {};
}

Status RecurrentMemory::plan(std::span<const UBatch> ubatches) const {
  planner_.begin();
  for (std::size_t i = 0; i < ubatches.size(); ++i) {
    const UBatch& ubatch = ubatches[i];
    std::uint64_t n_tokens = 0;
    for (const UBatchPart& part : ubatch.parts) {
      const auto n_part = static_cast<std::uint32_t>(std::max(0, part.n_tokens));
      if (static_cast<std::uint64_t>(part.first_token) != n_tokens) {
        return fail(ErrorCode::kInvalidArgument,
                    "micro-batch {}: a part begins at token {}, not {}", i, part.first_token,
                    n_tokens);
      }
      if (!plan_part({.seq = part.seq, .n_tokens_max = n_part, .ubatch = i, .n_tokens = n_part})) {
        return part_error(part.seq, n_part);
      }
      n_tokens += n_part;
    }
    if (n_tokens != ubatch.tokens.size() || n_tokens < 1 || n_tokens > n_ubatch_max_) {
      return fail(ErrorCode::kInvalidArgument,
                  "micro-batch {}: {} tokens in parts of {} in all, expected 1 .. {}", i,
                  ubatch.tokens.size(), n_tokens, n_ubatch_max_);
    }
  }
  return {};
}

bool RecurrentMemory::plan_part(const SlotPlanner::Part& part) const {
  if (!ledger_.contains(part.seq) || !has_known_state(ledger_[part.seq])) return false;
  if (part.n_tokens == 0 || part.n_tokens > n_tokens_left(part.seq)) return false;
  return planner_.add(part);
}

// How many tokens can be added before positions overflow.
std::uint64_t RecurrentMemory::n_tokens_left(SeqId seq) const {
  return static_cast<std::uint64_t>(format_.n_tokens_max - ledger_[seq].n_tokens);
}

Error RecurrentMemory::part_error(SeqId seq, std::uint64_t n_tokens) const {
  const Status usable = check_has_state(seq);
  if (!usable) return usable.error();
  if (n_tokens == 0) {
    return fail(ErrorCode::kInvalidArgument, "sequence {}: a part without tokens", seq.value);
  }
  if (n_tokens > n_tokens_left(seq)) {
    return fail(ErrorCode::kInvalidArgument, "sequence {}: {} tokens after {} overflow positions",
                seq.value, n_tokens, ledger_[seq].n_tokens);
  }
  return fail(ErrorCode::kInvalidArgument, "sequence {} has two parts", seq.value);
}

Error RecurrentMemory::full() const {
  const SlotNeeds needs = planner_.needed();
  std::string pages;
  for (std::size_t g = 0; g < kv_.n_groups(); ++g) {
    const KvLists& lists = kv_.lists(g);
    pages += fmt::format("{} pages of window {} must be free, {} of {} are; ", needs.n_pages[g],
                         kv_.window(g), lists.n_free(), lists.n_pages());
  }
  return fail(ErrorCode::kFull, "{} cells must be free, {} of {} are; {}no more can be evicted",
              needs.n_cells, ledger_.n_free(), mem_size(), pages);
}

Status RecurrentMemory::make_room() {
  if (ledger_.has_room(planner_.needed())) return {};
  Evictor::MayPark ask;
  if (park_) ask = [this](CellId cell) { return offer(cell).ok(); };
  const bool was_open = std::exchange(walk_.is_open, true);  // the owner must not change us now
  const bool fits = evictor_.choose(planner_, ask);
  walk_.is_open = was_open;
  if (!fits) return full();
  for (const Victim& victim : evictor_.victims()) evict(victim);
  return {};
}

// Takes away the checkpoints of a cell, and where it is to be parked the sequences that are not in
// the plan.
void RecurrentMemory::evict(const Victim& victim) noexcept {
  evict_checkpoints(victim.cell);
  if (victim.is_parked) drop_to_owner(victim.cell);
}

// The state is written first: with its last holder its rows go.
void RecurrentMemory::evict_checkpoints(CellId cell) noexcept {
  if (ledger_[cell].n_pins == 0) return;
  const Pos n_tokens = ledger_[cell].n_pinned_tokens;
  std::vector<std::byte> state;
  if (on_evict_) {
    try {
      auto written = write_one_state({format_, tensors_, kv_}, cell, n_tokens);
      if (written) state = std::move(*written);
    } catch (const std::bad_alloc&) {
    }
  }
  ledger_.unpin_all(cell);
  if (!state.empty()) on_evict_({.cell = cell, .pos = n_tokens - 1, .state = state});
}

// The cell's sequences, but those of the plan.
void RecurrentMemory::drop_to_owner(CellId cell) noexcept {
  for (SeqId seq = ledger_[cell].first_sharer; ledger_.contains(seq);) {
    const SeqId next = ledger_[seq].next_sharer;
    if (!planner_.uses(seq)) ledger_.drop(seq, SeqStatus::kParked);
    seq = next;
  }
}

Status RecurrentMemory::park(SeqId seq) {
  EDDY_TRY(check_changeable(seq));
  const Sequence& s = ledger_[seq];
  if (s.status == SeqStatus::kEmpty || s.status == SeqStatus::kParked) return {};
  EDDY_TRY(check_has_state(seq));
  if (!park_) return fail(ErrorCode::kUnsupported, "sequence {}: nobody takes states", seq.value);
  const CellId tail = s.tail;
  planner_.begin();      // nobody is at work
  walk_.is_open = true;  // the owner must not change us now
  const Status offered = offer(tail);
  walk_.is_open = false;
  EDDY_TRY(offered);
  drop_to_owner(tail);
  return {};
}

// Shows the owner the state of a cell's sequences, but those of the plan. kFull: it was refused. A
// state that cannot be serialised stays.
Status RecurrentMemory::offer(CellId cell) try {
  std::vector<SeqId> seqs;
  for (SeqId seq = ledger_[cell].first_sharer; ledger_.contains(seq);
       seq = ledger_[seq].next_sharer) {
    if (!planner_.uses(seq)) seqs.push_back(seq);
  }
  const Pos n_tokens = ledger_[seqs.front()].n_tokens;
  EDDY_TRY_ASSIGN(const auto bytes, write_one_state({format_, tensors_, kv_}, cell, n_tokens));
  if (park_({.seqs = seqs, .pos = n_tokens - 1, .state = bytes})) return {};
  return fail(ErrorCode::kFull, "sequence {}: no room outside of cells", seqs.front().value);
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "state bytes"};
}

}  // namespace eddy
