// Engine::Core: where states are, to look at.
#include "engine/core.h"

namespace eddy {

StatePlace Engine::Core::place(SeqId seq) const {
  if (memory->is_parked(seq)) {
    const auto kept = parking.find(seq);
    if (!kept) return {};
    return {
        .kind = StatePlace::Kind::kParked, .n_tokens = kept->n_tokens, .n_bytes = kept->n_bytes};
  }
  const Sequence& s = memory->ledger()[seq];
  if (s.status != SeqStatus::kLive) return {};
  const auto oldest = memory->seq_pos_min(seq);
  return {.kind = StatePlace::Kind::kCell,
          .cell = s.tail.value,
          .n_tokens = s.n_tokens,
          .n_bytes = memory->n_state_bytes(s.n_tokens),
          .n_anchors = static_cast<std::uint32_t>(memory->ledger().anchors(s.tail).all().size()),
          .n_rewind = oldest && *oldest >= 0 ? s.n_tokens - 1 - *oldest : 0};
}

MemoryMap Engine::Core::memory_map() const {
  const Ledger& ledger = memory->ledger();
  MemoryMap map = {.n_cells = ledger.mem_size(),
                   .n_parked_bytes = parking.n_bytes(),
                   .n_pinned_bytes = pinned.n_bytes()};
  for (std::uint32_t i = 0; i < ledger.mem_size(); ++i) {
    const Cell& cell = ledger[CellId(static_cast<std::int32_t>(i))];
    if (cell.n_sharers > 0) {
      ++map.n_held;
    } else if (cell.n_pins > 0) {
      ++map.n_stored;
    }
    if (cell.is_idle) ++map.n_earlier;
  }
  for (std::uint32_t i = 0; i < ledger.n_seq_max(); ++i) {
    if (place(SeqId(static_cast<std::int32_t>(i))).kind == StatePlace::Kind::kParked)
      ++map.n_parked;
  }
  return map;
}

}  // namespace eddy
