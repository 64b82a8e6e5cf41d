#include "engine/core.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/try.h"
#include "models/init_state.h"

namespace eddy {
namespace {

constexpr std::uint32_t kMaxSequences = 1 << 20;
constexpr std::uint32_t kMaxBatch = 1 << 20;
constexpr std::uint32_t kMaxPositions = std::numeric_limits<std::int32_t>::max();

DType state_dtype(StateType type) {
  switch (type) {
    case StateType::kF32: return DType::kF32;
    case StateType::kF16: return DType::kF16;
    case StateType::kBF16: return DType::kBF16;
  }
  return DType::kF32;
}

Rounding rounding(StateRounding by) {
  return by == StateRounding::kByChance ? Rounding::kByChance : Rounding::kNearest;
}

DType kv_dtype(KvType type) {
  switch (type) {
    case KvType::kF32: return DType::kF32;
    case KvType::kF16: return DType::kF16;
    case KvType::kBF16: return DType::kBF16;
    case KvType::kQ8_0: return DType::kQ8_0;
  }
  return DType::kF32;
}

Status check_range(const char* name, std::uint32_t value, std::uint32_t low, std::uint32_t high) {
  if (value >= low && value <= high) return {};
  return fail(ErrorCode::kInvalidArgument, "{}: {}, expected {} .. {}", name, value, low, high);
}

Status check_options(const EngineOptions& options) {
  EDDY_TRY(check_range("n_seq_max", options.n_seq_max, 1, kMaxSequences));
  EDDY_TRY(check_range("mem_size", options.mem_size, 0, kMaxSequences));
  EDDY_TRY(check_range("prefix_cache_cells", options.prefix_cache_cells, 0, kMaxSequences));
  EDDY_TRY(check_range("kv_size", options.kv_size, 1, kMaxPositions));
  EDDY_TRY(check_range("n_batch", options.n_batch, 1, kMaxBatch));
  return check_range("n_ubatch", options.n_ubatch, 1, options.n_batch);
}

std::uint32_t n_cells(const EngineOptions& options) {
  if (options.mem_size > 0) return options.mem_size;
  return options.n_seq_max * (options.n_rewind > 0 ? 3 : 1);
}

std::uint32_t n_cache_cells(const EngineOptions& options) {
  return options.prefix_cache_bytes > 0 ? options.prefix_cache_cells : 0;
}

RecurrentMemoryParams memory_params(const EngineParts& parts, const EngineOptions& options) {
  const Model& model = *parts.model;
  const std::size_t n_layer = model.state_layout().layers.size();
  return {.layout = model.state_layout(),
          .layer_devices = std::vector<const Device*>(n_layer, &parts.ops->device()),
          .type_r = state_dtype(options.type_r),
          .type_s = state_dtype(options.type_s),
          .type_kv = kv_dtype(options.type_kv),
          .rounding_r = rounding(options.rounding_r),
          .offload = options.offload,
          .mem_size = n_cells(options) + n_cache_cells(options),
          .n_seq_max = options.n_seq_max,
          .n_ubatch_max = options.n_ubatch,
          .kv_size = options.kv_size,
          .n_rewind = options.n_rewind,
          .n_log_bytes_max = options.n_log_bytes_max,
          .filter = {},
          .identity = model.identity()};
}

EngineInfo make_info(const EngineParts& parts, const EngineOptions& options,
                     const RecurrentMemory& memory) {
  const ModelInfo& model = parts.model->info();
  EngineInfo info = {.architecture = model.architecture,
                     .name = model.name,
                     .n_layer = model.n_layer,
                     .n_embd = model.n_embd,
                     .n_vocab = model.n_vocab,
                     .n_parameters = model.n_parameters,
                     .n_weight_bytes = model.n_weight_bytes,
                     .n_seq_max = options.n_seq_max,
                     .mem_size = memory.mem_size() - n_cache_cells(options),
                     .n_threads = parts.n_threads,
                     .isa = parts.isa};
  for (const auto& layer : parts.model->state_layout().layers) {
    info.n_r_bytes += row_bytes(state_dtype(options.type_r), layer.r_elems).value_or(0);
    info.n_s_bytes += row_bytes(state_dtype(options.type_s), layer.s_elems).value_or(0);
    info.n_kv_bytes += row_bytes(kv_dtype(options.type_kv), layer.k_elems).value_or(0);
    info.n_kv_bytes += row_bytes(kv_dtype(options.type_kv), layer.v_elems).value_or(0);
  }
  info.n_log_bytes = memory.log().is_on() ? memory.log().n_token_bytes() : 0;
  for (const MemoryUse& use : memory.memory_breakdown()) info.n_memory_bytes += use.n_bytes;
  return info;
}

}  // namespace

Result<std::shared_ptr<Engine::Core>> Engine::Core::create(EngineParts parts,
                                                           const EngineOptions& options) {
  EDDY_TRY(check_options(options));
  auto core = std::make_shared<Core>();
  core->parts = std::move(parts);
  EDDY_TRY_ASSIGN(core->isa, find_isa(core->parts.isa));
  EDDY_TRY_ASSIGN(core->memory, RecurrentMemory::create(memory_params(core->parts, options)));
  EDDY_TRY_ASSIGN(Runner runner, Runner::create({.model = *core->parts.model,
                                                 .ops = *core->parts.ops,
                                                 .memory = *core->memory,
                                                 .n_batch = options.n_batch,
                                                 .n_ubatch = options.n_ubatch}));
  core->runner.emplace(std::move(runner));
  EDDY_TRY(core->keep_recurrences());
  if (!options.park_folder.empty()) {
    EDDY_TRY_ASSIGN(core->parking, Parking::in_folder(posix_file_system(), options.park_folder));
  }
  core->parking.set_bytes_max(options.park_bytes_max);
  if (options.parks) core->park_idle();
  core->key = {.model = core->parts.model->identity(),
               .type_r = state_dtype(options.type_r),
               .type_s = state_dtype(options.type_s),
               .type_kv = kv_dtype(options.type_kv),
               .init_state = {},
               .salt = {}};
  if (options.prefix_cache_bytes > 0) {
    core->cache.emplace(*core->memory, core->pinned,
                        PrefixCache::Limits{.n_bytes = options.prefix_cache_bytes,
                                            .n_cells = options.prefix_cache_cells},
                        options.prefix_cache_codec);
  }
  core->memory->on_evict([core = core.get()](const EvictedCheckpoint& evicted) {
    if (core->cache) core->cache->note_evicted(evicted);
    core->pinned.note_evicted(evicted);
  });
  core->info = make_info(core->parts, options, *core->memory);
  core->free_seqs.reserve(options.n_seq_max);  // all that follows happens without allocation
  core->released.reserve(options.n_seq_max);
  for (std::uint32_t i = options.n_seq_max; i-- > 0;) {
    core->free_seqs.push_back(SeqId(static_cast<std::int32_t>(i)));
  }
  return core;
}

Status Engine::Core::keep_recurrences() {
  EDDY_TRY_ASSIGN(const RecurrentContext worst, memory->init_full());
  EDDY_TRY_ASSIGN(recurrences, Recurrences::of(*parts.model, *parts.ops, worst));
  memory->on_replay(
      [this](const Replay& replay) { return recurrences.replay(*parts.ops, replay); });
  return {};
}

void Engine::Core::park_idle() {
  memory->on_park([this](const ParkRequest& request) { return parking.put(request); });
}

void Engine::Core::keep_first(SeqId seq, Pos n_tokens) {
  const auto n_read = wake(seq);
  if (!n_read) {
    const auto parked = parking.find(seq);
    if (!parked || parked->n_tokens > n_tokens) forget(seq);
    return;
  }
  if (*n_read > n_tokens && !memory->seq_rm(seq, n_tokens, -1)) forget(seq);
}

Result<SeqId> Engine::Core::acquire() {
  if (free_seqs.empty()) {
    return fail(ErrorCode::kFull, "all {} sequences are in use", info.n_seq_max);
  }
  const SeqId seq = free_seqs.back();
  free_seqs.pop_back();
  return seq;
}

void Engine::Core::release(SeqId seq) {
  if (is_running) return released.push_back(seq);
  forget(seq);
  free_seqs.push_back(seq);
}

Status Engine::Core::run(Batch batch, const std::atomic<bool>& cancel, const OnOutput& on_output) {
  EDDY_TRY(check_idle());
  is_running = true;
  const auto end = [](Core* core) {
    core->is_running = false;
    for (const SeqId seq : core->released) core->release(seq);
    core->released.clear();
  };
  const std::unique_ptr<Core, decltype(end)> scope(this, end);  // also where on_output throws
  return runner->run(batch, cancel, on_output);
}

Status Engine::Core::check_idle() const {
  if (!is_running) return {};
  return fail(ErrorCode::kInvalidArgument, "called inside a callback of a running computation");
}

void Engine::Core::forget(SeqId seq) {
  parking.forget(seq);
  const Status removed = memory->seq_rm(seq, -1, -1);
  assert(removed.ok());  // fails for bad ids and inside an open context alone
  static_cast<void>(removed);
}

Result<Pos> Engine::Core::wake(SeqId seq) {
  if (memory->is_parked(seq)) {
    const auto kept = parking.get(seq);  // waking one may park another
    const Status woken =
        kept ? memory->state_read(kept->bytes, seq, Checksums::kIgnore) : Status(kept.error());
    const bool has_no_room = !woken && (woken.error().code == ErrorCode::kFull ||
                                        woken.error().code == ErrorCode::kOutOfMemory);
    if (has_no_room) return woken.error();
  }
  parking.forget(seq);  // it is back; or was a copy for a call that then failed
  const auto newest = memory->seq_pos_max(seq);
  if (newest) return *newest + 1;
  forget(seq);
  return 0;
}

Pos Engine::Core::n_read(SeqId seq) {
  const auto n_read = wake(seq);
  return n_read ? *n_read : 0;
}

Result<PrefixKey> Engine::Core::key_of(const SessionOptions& options) const {
  PrefixKey session_key = key;
  session_key.salt = options.salt;
  const InitState::Impl* init = options.init_state.impl();
  if (!init) return session_key;
  PrefixKey made_for = init->key;
  session_key.init_state = std::exchange(made_for.init_state, {});
  if (made_for == key) return session_key;
  return fail(ErrorCode::kMismatch, "initial state: made for another {}",
              made_for.model == key.model ? "element type of the state" : "model");
}

Result<InitState> Engine::Core::read_init_state(const std::string& path) const {
  EDDY_TRY_ASSIGN(const InitRows rows,
                  eddy::read_init_state(posix_file_system(), path, *parts.model));
  auto bytes = memory->initial_state(rows.r);
  if (!bytes) return prefixed(path, bytes.error());
  auto impl = std::make_shared<InitState::Impl>(InitState::Impl{key, std::move(*bytes)});
  impl->key.init_state = rows.digest;
  return InitState(std::move(impl));
}

Status Engine::Core::check_tokens(std::span<const Token> tokens) const {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].value >= 0 && tokens[i].value < info.n_vocab) continue;
    return fail(ErrorCode::kInvalidArgument, "token {} (number {}), expected 0 .. {}",
                tokens[i].value, i, info.n_vocab - 1);
  }
  return {};
}

}  // namespace eddy
