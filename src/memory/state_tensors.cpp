#include "memory/state_tensors.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"

namespace eddy {
namespace {

constexpr std::uint64_t kRowAlignment = 64;  // bytes: a cache line, and any vector register

bool is_state_type(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

char letter(StateKind kind) { return kind == StateKind::kR ? 'r' : 's'; }

// A buffer to come, and how much of it is given away.
struct Pool {
  const BufferType* type;
  std::uint64_t n_bytes = 0;
};

// A tensor to come, in pool number `pool`.
struct Plan {
  StateTensor tensor;
  std::size_t pool = 0;
};

std::size_t pool_for(const BufferType& type, std::vector<Pool>& pools) {
  const auto found = std::ranges::find(pools, &type, &Pool::type);
  const auto index = static_cast<std::size_t>(found - pools.begin());
  if (index == pools.size()) pools.push_back({.type = &type});
  return index;
}

// Extents of one tensor and its place at the end of its pool; nullopt where they do not fit.
std::optional<Plan> plan_tensor(LayerId layer, StateKind kind, std::uint64_t n_elems, DType type,
                                std::uint32_t mem_size, Pool& pool) {
  const auto n_row = row_bytes(type, n_elems);
  const auto stride = n_row ? checked_align(*n_row, kRowAlignment) : std::nullopt;
  const auto n_bytes = stride ? checked_mul(*stride, mem_size) : std::nullopt;
  const auto offset = checked_align(pool.n_bytes, pool.type->alignment());
  const auto end = n_bytes && offset ? checked_add(*offset, *n_bytes) : std::nullopt;
  if (!end) return std::nullopt;
  pool.n_bytes = *end;
  Plan plan;
  plan.tensor = {.layer = layer, .kind = kind, .rows = {}, .row_bytes = *n_row};
  plan.tensor.rows = {.buffer = nullptr,
                      .offset = *offset,
                      .stride = *stride,
                      .n_elems = n_elems,
                      .n_rows = mem_size,
                      .type = type};
  return plan;
}

Status check_params(const StateTensorsParams& params) {
  if (!is_state_type(params.type_r) || !is_state_type(params.type_s)) {
    return fail(ErrorCode::kInvalidArgument, "state types {} and {}, expected F32, F16 or BF16",
                dtype_name(params.type_r), dtype_name(params.type_s));
  }
  const std::size_t n_layers = params.layout.layers.size();
  if (params.layer_devices.size() != n_layers) {
    return fail(ErrorCode::kInvalidArgument, "{} devices for {} layers",
                params.layer_devices.size(), n_layers);
  }
  for (std::size_t il = 0; il < n_layers; ++il) {
    if (params.layer_devices[il]) continue;
    return fail(ErrorCode::kInvalidArgument, "layer {}: no device", il);
  }
  return {};
}

Result<std::vector<Plan>> plan_tensors(const StateTensorsParams& params, std::vector<Pool>& pools) {
  std::vector<Plan> plans;
  for (std::size_t i = 0; i < params.layout.layers.size(); ++i) {
    const LayerId il(static_cast<std::int32_t>(i));
    if (params.filter && !params.filter(il)) continue;
    const BufferType& type =
        params.offload ? params.layer_devices[i]->buffer_type() : host_buffer_type();
    for (const StateKind kind : {StateKind::kR, StateKind::kS}) {
      const bool is_r = kind == StateKind::kR;
      const std::uint64_t n_elems =
          is_r ? params.layout.layers[i].r_elems : params.layout.layers[i].s_elems;
      if (n_elems == 0) continue;
      const std::size_t pool = pool_for(type, pools);
      auto plan = plan_tensor(il, kind, n_elems, is_r ? params.type_r : params.type_s,
                              params.mem_size, pools[pool]);
      if (!plan) {
        return fail(ErrorCode::kInvalidArgument, "{}_l{}: {} rows of {} elements overflow 64 bits",
                    letter(kind), i, params.mem_size, n_elems);
      }
      plan->pool = pool;
      plans.push_back(*plan);
    }
  }
  return plans;
}

}  // namespace

Result<StateTensors> StateTensors::create(const StateTensorsParams& params) {
  EDDY_TRY(check_params(params));
  std::vector<Pool> pools;
  EDDY_TRY_ASSIGN(const std::vector<Plan> plans, plan_tensors(params, pools));
  if (plans.empty()) {
    return fail(ErrorCode::kInvalidArgument, "none of {} layers keeps a recurrent state",
                params.layout.layers.size());
  }
  StateTensors tensors;
  for (const Pool& pool : pools) {
    EDDY_TRY_ASSIGN(auto buffer, pool.type->allocate(pool.n_bytes));
    tensors.buffers_.push_back(std::move(buffer));
  }
  tensors.r_ = Table<LayerId, StateRows>(params.layout.layers.size());
  tensors.s_ = Table<LayerId, StateRows>(params.layout.layers.size());
  for (const Plan& plan : plans) {
    StateTensor tensor = plan.tensor;
    tensor.rows.buffer = tensors.buffers_[plan.pool].get();
    (tensor.kind == StateKind::kR ? tensors.r_ : tensors.s_)[tensor.layer] = tensor.rows;
    tensors.tensors_.push_back(tensor);
  }
  return tensors;
}

void StateTensors::wipe(CellId cell) noexcept {
  for (const StateTensor& t : tensors_) {
    t.rows.buffer->zero(offset_of(t, cell), t.rows.stride);
  }
}

void StateTensors::read(const StateTensor& t, CellId cell,
                        std::span<std::byte> out) const noexcept {
  t.rows.buffer->read(offset_of(t, cell), out);
}

void StateTensors::write(const StateTensor& t, CellId cell,
                         std::span<const std::byte> row) noexcept {
  t.rows.buffer->write(offset_of(t, cell), row);
}

std::uint64_t StateTensors::offset_of(const StateTensor& t, CellId cell) {
  return t.rows.offset + static_cast<std::uint64_t>(cell.value) * t.rows.stride;
}

}  // namespace eddy
