#include "memory/recurrent_memory.h"

#include <algorithm>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

// Ids and token indices are 32-bit and signed.
Status check_count(std::string_view name, std::uint32_t count) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::int32_t>::max();
  if (count >= 1 && count <= kMost) return {};
  return fail(ErrorCode::kInvalidArgument, "{} {}, expected 1 .. {}", name, count, kMost);
}

Result<StateTensors> create_tensors(const RecurrentMemoryParams& params) {
  EDDY_TRY(check_count("mem_size", params.mem_size));
  EDDY_TRY(check_count("n_seq_max", params.n_seq_max));
  EDDY_TRY(check_count("n_ubatch_max", params.n_ubatch_max));
  return StateTensors::create({.layout = params.layout,
                               .layer_devices = params.layer_devices,
                               .type_r = params.type_r,
                               .type_s = params.type_s,
                               .rounding_r = params.rounding_r,
                               .offload = params.offload,
                               .mem_size = params.mem_size,
                               .filter = params.filter});
}

// Windows show as many positions more as a sequence can be rewound by: two of the log's.
Result<KvMemory> create_kv(const RecurrentMemoryParams& params, const UpdateLog& log) {
  const auto n_rewind = static_cast<std::uint32_t>(2 * log.n_rewind());
  return KvMemory::create({.layout = params.layout,
                           .layer_devices = params.layer_devices,
                           .type_kv = params.type_kv,
                           .offload = params.offload,
                           .mem_size = params.mem_size,
                           .n_ubatch_max = params.n_ubatch_max,
                           .kv_size = params.kv_size,
                           .filter = params.filter,
                           .n_rewind = n_rewind});
}

Result<UpdateLog> create_log(const RecurrentMemoryParams& params) {
  return UpdateLog::create({.layout = params.layout,
                            .layer_devices = params.layer_devices,
                            .offload = params.offload,
                            .mem_size = params.mem_size,
                            .n_seq_max = params.n_seq_max,
                            .n_rewind = params.n_rewind,
                            .n_bytes_max = params.n_log_bytes_max,
                            .filter = params.filter});
}

}  // namespace

RecurrentMemory::RecurrentMemory(RecurrentMemoryParams&& params, Rooms&& rooms)
    : n_ubatch_max_(params.n_ubatch_max),
      tensors_(std::move(rooms.tensors)),
      kv_(std::move(rooms.kv)),
      log_(std::move(rooms.log)),
      format_(make_state_format(tensors_, kv_, params.identity,
                                {params.type_r, params.type_s, params.rounding_r})),
      ledger_(params.mem_size, params.n_seq_max, {tensors_, kv_, log_}),
      planner_(ledger_),
      evictor_(ledger_),
      walk_{.cutter = BatchCutter(params.n_seq_max, params.n_ubatch_max),
            .staged = StagedSlot(params.n_seq_max, kv_.n_groups())} {}

Result<std::unique_ptr<RecurrentMemory>> RecurrentMemory::create(RecurrentMemoryParams params) {
  try {
    EDDY_TRY_ASSIGN(StateTensors tensors, create_tensors(params));
    EDDY_TRY_ASSIGN(UpdateLog log, create_log(params));
    EDDY_TRY_ASSIGN(KvMemory kv, create_kv(params, log));
    if (tensors.all().empty() && kv.all().empty()) {
      return fail(ErrorCode::kInvalidArgument, "none of {} layers keeps a state",
                  params.layout.layers.size());
    }
    Rooms rooms{.tensors = std::move(tensors), .kv = std::move(kv), .log = std::move(log)};
    return std::unique_ptr<RecurrentMemory>(
        new RecurrentMemory(std::move(params), std::move(rooms)));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "state tables"};
  }
}

Status RecurrentMemory::check_idle() const {
  if (!walk_.is_open) return {};
  return fail(ErrorCode::kInvalidArgument, "a context is open: finish or destroy it first");
}

Status RecurrentMemory::check_seq(SeqId seq) const {
  if (ledger_.contains(seq)) return {};
  return fail(ErrorCode::kInvalidArgument, "sequence {}, expected 0 .. {}", seq.value,
              n_seq_max() - 1);
}

Status RecurrentMemory::check_has_state(SeqId seq) const {
  EDDY_TRY(check_seq(seq));
  const SeqStatus status = ledger_[seq].status;
  if (status == SeqStatus::kLost) {
    return fail(ErrorCode::kStateLost, "sequence {}: its state was lost in a failed computation",
                seq.value);
  }
  if (status == SeqStatus::kParked) {
    return fail(ErrorCode::kStateLost, "sequence {}: its state is parked", seq.value);
  }
  return {};
}

Status RecurrentMemory::check_changeable(SeqId seq) const {
  EDDY_TRY(check_idle());
  return check_seq(seq);
}

std::uint32_t RecurrentMemory::mem_size() const { return ledger_.mem_size(); }
std::uint32_t RecurrentMemory::n_seq_max() const { return ledger_.n_seq_max(); }
std::uint32_t RecurrentMemory::n_free_cells() const { return ledger_.n_free(); }

std::vector<MemoryUse> RecurrentMemory::memory_breakdown() const {
  std::vector<MemoryUse> uses;
  for (const auto buffers : {tensors_.buffers(), kv_.buffers(), log_.buffers()}) {
    for (const auto& buffer : buffers) {
      auto use = std::ranges::find(uses, &buffer->type(), &MemoryUse::type);
      if (use == uses.end()) use = uses.insert(use, {.type = &buffer->type()});
      use->n_bytes += buffer->n_bytes();
    }
  }
  return uses;
}

Status RecurrentMemory::check() const {
  EDDY_TRY(ledger_.check(walk_.staged.slot()));
  EDDY_TRY(kv_.check());
  return log_.check();
}

Status RecurrentMemory::check_free_rows() const {
  for (std::uint32_t i = 0; i < mem_size(); ++i) {
    const CellId cell(static_cast<std::int32_t>(i));
    if (ledger_[cell].use != CellUse::kFree) continue;
    for (const StateTensor& t : tensors_.all()) {
      if (tensors_.is_wiped(t, cell)) continue;
      return fail(ErrorCode::kMalformed, "I6: free cell {}: layer {} is not zero", i,
                  t.layer.value);
    }
  }
  EDDY_TRY(kv_.check_free_pages());
  return log_.check_free_pages();
}

}  // namespace eddy
