#include "memory/state_io.h"

#include <bit>

#include "base/error.h"
#include "base/table.h"
#include "base/try.h"
#include "memory/finite.h"
#include "memory/state_writer.h"

namespace eddy {
namespace {

// Rows go out as they lie in memory.
static_assert(std::endian::native == std::endian::little,
              "the elements of state rows would have to be swapped");

Status write_rows(const StateTensors& tensors, CellId cell, StateWriter& writer) {
  for (const StateTensor& t : tensors.all()) {
    const std::span<std::byte> row = writer.next_row();
    tensors.read(t, cell, row);
    const auto element = first_non_finite(t.rows.type, row);
    if (!element) continue;
    return fail(ErrorCode::kNonFinite, "layer {}: {}: element {} is not a finite number",
                t.layer.value, t.kind == StateKind::kR ? "R" : "S", *element);
  }
  return {};
}

// Which sequence has which state; states are numbered as they appear.
struct Contents {
  std::vector<StateOfSeq> sequences;
  std::vector<SeqId> states;  // by number: the first sequence that has it
};

Contents list_states(const Ledger& ledger) {
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  Table<CellId, std::uint32_t> number_of(ledger.mem_size(), kNone);
  Contents contents;
  for (std::uint32_t i = 0; i < ledger.n_seq_max(); ++i) {
    const SeqId seq(static_cast<std::int32_t>(i));
    if (ledger[seq].status != SeqStatus::kLive) continue;
    std::uint32_t& number = number_of[ledger[seq].tail];
    if (number == kNone) {
      number = static_cast<std::uint32_t>(contents.states.size());
      contents.states.push_back(seq);
    }
    contents.sequences.push_back({.seq = seq, .state = number});
  }
  return contents;
}

}  // namespace

Result<std::vector<std::byte>> write_one_state(const StateFormat& format,
                                               const StateTensors& tensors, CellId cell,
                                               Pos n_tokens) {
  StateWriter writer(format, StateContent::kOne, 1, {});
  writer.begin_state(n_tokens);
  EDDY_TRY(write_rows(tensors, cell, writer));
  return writer.finish();
}

Result<std::vector<std::byte>> write_all_states(const StateFormat& format,
                                                const StateTensors& tensors, const Ledger& ledger) {
  const Contents contents = list_states(ledger);
  if (contents.states.empty()) return fail(ErrorCode::kNotFound, "all sequences are empty");
  StateWriter writer(format, StateContent::kAll, static_cast<std::uint32_t>(contents.states.size()),
                     contents.sequences);
  for (const SeqId seq : contents.states) {
    writer.begin_state(ledger[seq].n_tokens);
    const Status rows = write_rows(tensors, ledger[seq].tail, writer);
    if (!rows) return prefixed(fmt::format("sequence {}", seq.value), rows.error());
  }
  return writer.finish();
}

void install_state(const StateView& view, std::uint32_t state, StateTensors& tensors,
                   CellId cell) noexcept {
  for (std::size_t i = 0; i < tensors.all().size(); ++i) {
    tensors.write(tensors.all()[i], cell, view.row(state, i));
  }
}

}  // namespace eddy
