// RecurrentMemory: serialised states. The bytes are state_view's and state_io's; who gets them, and
// that a refusal changes nothing, is said here.
#include <cassert>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "memory/recurrent_memory.h"
#include "memory/state_io.h"
#include "memory/state_view.h"

namespace eddy {

std::uint64_t RecurrentMemory::n_state_bytes(Pos n_tokens) const {
  return kHeaderBytes + format_.n_state_bytes(n_tokens) + kTrailerBytes;
}

Result<std::vector<std::byte>> RecurrentMemory::state_write(std::optional<SeqId> seq,
                                                            StateFrame frame) const try {
  EDDY_TRY(check_idle());  // a kernel may have written half of a state that is updated in place
  if (!seq) {
    for (std::uint32_t i = 0; i < n_seq_max(); ++i) {
      EDDY_TRY(check_has_state(SeqId(static_cast<std::int32_t>(i))));
    }
    return write_all_states({format_, tensors_, kv_}, ledger_);
  }
  EDDY_TRY(check_has_state(*seq));
  const Sequence& s = ledger_[*seq];
  if (s.status == SeqStatus::kEmpty) {
    return fail(ErrorCode::kNotFound, "sequence {} is empty: no state to write", seq->value);
  }
  auto bytes = write_one_state({format_, tensors_, kv_}, s.tail, s.n_tokens, std::move(frame));
  if (!bytes) return prefixed(fmt::format("sequence {}", seq->value), bytes.error());
  return bytes;
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "state bytes"};
}

Result<std::vector<std::byte>> RecurrentMemory::state_write(const Checkpoint& checkpoint,
                                                            StateFrame frame) const try {
  EDDY_TRY(check_idle());
  EDDY_TRY(check_handle(checkpoint));
  return write_one_state({format_, tensors_, kv_}, checkpoint.cell_, checkpoint.pos_ + 1,
                         std::move(frame));
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "state bytes"};
}

std::uint64_t RecurrentMemory::n_state_bytes(SeqId seq) const {
  return ledger_.contains(seq) ? format_.n_bytes(ledger_[seq].n_tokens) : 0;
}

Status RecurrentMemory::state_read(std::span<const std::byte> bytes, std::optional<SeqId> seq,
                                   Checksums checksums) try {
  EDDY_TRY(check_idle());
  if (seq) EDDY_TRY(check_seq(*seq));
  const StateContent content = seq ? StateContent::kOne : StateContent::kAll;
  const auto view = StateView::parse(bytes, format_, content, checksums);
  if (!view) return prefixed("serialised state", view.error());
  return seq ? read_one(*view, *seq) : read_all(*view);
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "state tables"};
}

Result<std::vector<std::byte>> RecurrentMemory::initial_state(
    std::span<const std::vector<float>> r) const try {
  auto bytes = write_initial_state(format_, r);
  if (!bytes) return prefixed("initial state", bytes.error());
  return bytes;
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "state bytes"};
}

Status RecurrentMemory::read_one(const StateView& view, SeqId seq) {
  // What the sequence holds is given up first: it needs a cell only if others hold its tail too.
  planner_.begin();
  planner_.replace(seq, StateView::Reader(view).next_state());
  EDDY_TRY(make_room());
  StateView::Reader reader(view);
  const CellId cell = ledger_.restage(seq);
  const Pos n_tokens = install_state(reader, tensors_, kv_, cell);
  ledger_.set_tail(seq, cell, n_tokens);
  return {};
}

Status RecurrentMemory::read_all(const StateView& view) {
  EDDY_TRY(plan_all(view));
  // Ids rise: the last is the largest.
  const SeqId last = view.sequence(view.n_sequences() - 1).seq;
  if (!ledger_.contains(last)) return prefixed("serialised state", check_seq(last).error());
  struct Installed {
    CellId cell;
    Pos n_tokens = 0;
  };
  std::vector<Installed> states(view.n_states());

  // From here on nothing fails: with all sequences gone, every cell is free or only pinned.
  for (std::uint32_t i = 0; i < n_seq_max(); ++i) {
    ledger_.drop(SeqId(static_cast<std::int32_t>(i)), SeqStatus::kEmpty);
  }
  [[maybe_unused]] const Status has_room = make_room();
  assert(has_room.ok());
  StateView::Reader reader(view);
  for (Installed& state : states) {
    state.cell = ledger_.stage();
    state.n_tokens = install_state(reader, tensors_, kv_, state.cell);
  }
  for (std::uint32_t i = 0; i < view.n_sequences(); ++i) {
    const auto [seq, state] = view.sequence(i);
    ledger_.set_tail(seq, states[state].cell, states[state].n_tokens);
  }
  return {};
}

// Plans for all states of a dump; kFull where not even an empty memory would have room.
Status RecurrentMemory::plan_all(const StateView& view) {
  if (view.n_states() > mem_size()) {
    return fail(ErrorCode::kFull, "serialised state: {} states, {} cells", view.n_states(),
                mem_size());
  }
  planner_.begin();
  StateView::Reader reader(view);
  for (std::uint32_t i = 0; i < view.n_states(); ++i) planner_.add_state(reader.next_state());
  const SlotNeeds needs = planner_.needed();
  for (std::size_t g = 0; g < needs.n_pages.size(); ++g) {
    if (needs.n_pages[g] <= kv_.lists(g).n_pages()) continue;
    return fail(ErrorCode::kFull, "serialised state: {} pages of window {}, expected at most {}",
                needs.n_pages[g], kv_.window(g), kv_.lists(g).n_pages());
  }
  return {};
}

}  // namespace eddy
