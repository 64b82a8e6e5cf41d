#include "memory/state_io.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"
#include "base/table.h"
#include "base/try.h"
#include "memory/state_writer.h"
#include "tensor/encode.h"

namespace eddy {
namespace {

// Rows go out as they lie in memory.
static_assert(std::endian::native == std::endian::little,
              "the elements of state rows would have to be swapped");

Status write_state(const StateSource& source, CellId cell, Pos n_tokens, StateWriter& writer) {
  writer.begin_state();
  auto t = source.tensors.all().begin();
  auto k = source.kv.all().begin();
  const auto write_row = [&](const StateTensor& tensor) {
    return writer.add_row([&](std::uint64_t first, std::span<std::byte> out) {
      source.tensors.read(tensor, cell, out, first);
    });
  };
  const auto write_kv_row = [&](const KvTensor& tensor) {
    const Pos first_row = first_visible(n_tokens, tensor.window);
    return writer.add_row([&](std::uint64_t first, std::span<std::byte> out) {
      source.kv.read(tensor, cell, first_row + static_cast<Pos>(first / tensor.row_bytes), out);
    });
  };
  for (const StateFormat::Row& row : source.format.rows) {
    const auto element = row.is_by_position() ? write_kv_row(*k++) : write_row(*t++);
    if (!element) continue;
    return fail(ErrorCode::kNonFinite, "layer {}: {}: element {} is not a finite number",
                row.layer.value, state_letter(row.kind), *element);
  }
  return {};
}

// Which sequence has which state; states are numbered as they appear.
struct Contents {
  std::vector<StateOfSeq> sequences;
  std::vector<SeqId> states;  // by number: the first sequence that has it
  std::vector<Pos> n_tokens;  // by number
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
      contents.n_tokens.push_back(ledger[seq].n_tokens);
    }
    contents.sequences.push_back({.seq = seq, .state = number});
  }
  return contents;
}

}  // namespace

Result<std::vector<std::byte>> write_one_state(const StateSource& source, CellId cell, Pos n_tokens,
                                               StateFrame frame) {
  StateWriter writer(source.format, {.states = std::span(&n_tokens, 1), .frame = std::move(frame)});
  EDDY_TRY(write_state(source, cell, n_tokens, writer));
  return writer.finish();
}

Result<std::vector<std::byte>> write_initial_state(const StateFormat& format,
                                                   std::span<const std::vector<float>> r) {
  const Pos n_tokens = 0;
  StateWriter writer(format, {.states = std::span(&n_tokens, 1)});
  writer.begin_state();
  std::size_t n_used = 0;
  for (const StateFormat::Row& row : format.rows) {
    if (row.kind != StateKind::kR) {
      writer.add_row(
          [](std::uint64_t, std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); });
      continue;
    }
    const auto layer = static_cast<std::size_t>(row.layer.value);
    const std::span<const float> values =
        layer < r.size() ? std::span(r[layer]) : std::span<const float>();
    const auto n_bytes = row_bytes(row.type, values.size());
    if (n_bytes != row.n_bytes) {
      return fail(ErrorCode::kInvalidArgument, "layer {}: R: {} elements, expected {} bytes of {}",
                  layer, values.size(), row.n_bytes, dtype_name(row.type));
    }
    const std::uint64_t n_element = row_bytes(row.type, 1).value();
    const auto element = writer.add_row([&](std::uint64_t first, std::span<std::byte> out) {
      encode(row.type, values.subspan(first / n_element, out.size() / n_element), out.data());
    });
    if (element) {
      return fail(ErrorCode::kNonFinite, "layer {}: R: element {} is {}, which {} cannot hold",
                  layer, *element, values[*element], dtype_name(row.type));
    }
    ++n_used;
  }
  const auto n_given = std::ranges::count_if(r, [](const auto& row) { return !row.empty(); });
  if (n_given == static_cast<std::ptrdiff_t>(n_used)) return writer.finish();
  return fail(ErrorCode::kInvalidArgument, "R of {} layers, expected of {}", n_given, n_used);
}

Result<std::vector<std::byte>> write_all_states(const StateSource& source, const Ledger& ledger) {
  const Contents contents = list_states(ledger);
  if (contents.states.empty()) return fail(ErrorCode::kNotFound, "all sequences are empty");
  StateWriter writer(source.format, {.content = StateContent::kAll,
                                     .states = contents.n_tokens,
                                     .sequences = contents.sequences});
  for (const SeqId seq : contents.states) {
    const Status state = write_state(source, ledger[seq].tail, ledger[seq].n_tokens, writer);
    if (!state) return prefixed(fmt::format("sequence {}", seq.value), state.error());
  }
  return writer.finish();
}

Pos install_state(StateView::Reader& reader, StateTensors& tensors, KvMemory& kv,
                  CellId cell) noexcept {
  const Pos n_tokens = reader.next_state();
  kv.install(cell, n_tokens);
  auto t = tensors.all().begin();
  auto k = kv.all().begin();
  for (const StateFormat::Row& row : reader.rows()) {
    if (row.is_by_position()) {
      kv.write(*k++, cell, row.first_row(n_tokens), reader.next_row());
    } else {
      tensors.write(*t++, cell, reader.next_row());
    }
  }
  return n_tokens;
}

}  // namespace eddy
