// RecurrentMemory: serialised states in and out. The bytes are state_view's and state_writer's.
#include <bit>
#include <cassert>
#include <new>

#include "base/error.h"
#include "base/try.h"
#include "memory/finite.h"
#include "memory/recurrent_memory.h"
#include "memory/state_view.h"
#include "memory/state_writer.h"

namespace eddy {

// Rows go out as they lie in memory.
static_assert(std::endian::native == std::endian::little,
              "state rows would need their bytes swapped");

Result<std::vector<std::byte>> RecurrentMemory::state_write(std::optional<SeqId> seq) const try {
  if (!seq) return write_all();
  EDDY_TRY(check_has_state(*seq));
  const Sequence& s = ledger_[*seq];
  if (s.status == SeqStatus::kEmpty) {
    return fail(ErrorCode::kNotFound, "sequence {} is empty: no state to write", seq->value);
  }
  auto bytes = write_one(s.tail, s.n_tokens);
  if (!bytes) return prefixed(fmt::format("sequence {}", seq->value), bytes.error());
  return bytes;
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "state bytes"};
}

Result<std::vector<std::byte>> RecurrentMemory::write_one(CellId cell, Pos n_tokens) const {
  StateWriter writer(format_, StateContent::kOne, 1, {});
  writer.begin_state(n_tokens);
  EDDY_TRY(write_rows(cell, writer));
  return writer.finish();
}

Result<std::vector<std::byte>> RecurrentMemory::write_all() const {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  Table<CellId, std::uint32_t> number_of(mem_size(), kNone);
  std::vector<SeqId> states;  // by number: the first sequence that has it
  std::vector<StateOfSeq> sequences;
  for (std::uint32_t i = 0; i < n_seq_max(); ++i) {
    const SeqId seq(static_cast<std::int32_t>(i));
    EDDY_TRY(check_has_state(seq));
    if (ledger_[seq].status == SeqStatus::kEmpty) continue;
    std::uint32_t& number = number_of[ledger_[seq].tail];
    if (number == kNone) {
      number = static_cast<std::uint32_t>(states.size());
      states.push_back(seq);
    }
    sequences.push_back({.seq = seq, .state = number});
  }
  if (states.empty()) return fail(ErrorCode::kNotFound, "all sequences are empty");

  StateWriter writer(format_, StateContent::kAll, static_cast<std::uint32_t>(states.size()),
                     sequences);
  for (const SeqId seq : states) {
    writer.begin_state(ledger_[seq].n_tokens);
    EDDY_TRY(write_rows(ledger_[seq].tail, writer));
  }
  return writer.finish();
}

Status RecurrentMemory::write_rows(CellId cell, StateWriter& writer) const {
  for (const StateTensor& t : tensors_.all()) {
    const std::span<std::byte> row = writer.next_row();
    tensors_.read(t, cell, row);
    const auto element = first_non_finite(t.rows.type, row);
    if (!element) continue;
    return fail(ErrorCode::kNonFinite, "layer {}: {}: element {} is not a finite number",
                t.layer.value, t.kind == StateKind::kR ? "R" : "S", *element);
  }
  return {};
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

Status RecurrentMemory::read_one(const StateView& view, SeqId seq) {
  // What the sequence holds is given up first: it needs a cell only if others hold its tail too.
  planner_.begin();
  planner_.add(seq, 0);
  EDDY_TRY(make_room());
  ledger_.drop(seq, SeqStatus::kEmpty);
  ledger_.set_tail(seq, install(view, 0), view.n_tokens(0));
  return {};
}

Status RecurrentMemory::read_all(const StateView& view) {
  if (view.n_states() > mem_size()) {
    return fail(ErrorCode::kFull, "serialised state: {} states, {} cells", view.n_states(),
                mem_size());
  }
  // Ids rise: the last is the largest.
  const SeqId last = view.sequence(view.n_sequences() - 1).seq;
  if (!ledger_.contains(last)) return prefixed("serialised state", check_seq(last).error());

  std::vector<CellId> cells(view.n_states());

  // From here on nothing fails: with all sequences gone, every cell is free or only pinned.
  for (std::uint32_t i = 0; i < n_seq_max(); ++i) {
    ledger_.drop(SeqId(static_cast<std::int32_t>(i)), SeqStatus::kEmpty);
  }
  planner_.begin(view.n_states());
  [[maybe_unused]] const Status has_room = make_room();
  assert(has_room.ok());
  for (std::uint32_t i = 0; i < view.n_sequences(); ++i) {
    const auto [seq, state] = view.sequence(i);
    if (cells[state] == CellId()) cells[state] = install(view, state);
    ledger_.set_tail(seq, cells[state], view.n_tokens(state));
  }
  return {};
}

// Writes a state into a fresh cell.
CellId RecurrentMemory::install(const StateView& view, std::uint32_t state) noexcept {
  const CellId cell = ledger_.stage();
  for (std::size_t i = 0; i < tensors_.all().size(); ++i) {
    tensors_.write(tensors_.all()[i], cell, view.row(state, i));
  }
  return cell;
}

}  // namespace eddy
