#include "memory/state_tensors.h"

#include <algorithm>
#include <optional>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"
#include "memory/buffer_plan.h"
#include "memory/zeroed.h"

namespace eddy {
namespace {

constexpr std::uint64_t kRowAlignment = 64;  // bytes: a cache line, and any vector register

bool is_state_type(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

// A tensor to come, in buffer number `buffer`.
struct TensorPlan {
  StateTensor tensor;
  std::size_t buffer = 0;
};

// Extents of one tensor and its place; nullopt where they do not fit.
std::optional<TensorPlan> plan_tensor(StateTensor tensor, std::uint32_t mem_size,
                                      const BufferType& type, BufferPlan& buffers) {
  const auto n_row = row_bytes(tensor.rows.type, tensor.rows.n_elems);
  const auto stride = n_row ? checked_align(*n_row, kRowAlignment) : std::nullopt;
  const auto n_bytes = stride ? checked_mul(*stride, mem_size) : std::nullopt;
  const auto place = n_bytes ? buffers.add(type, *n_bytes) : std::nullopt;
  if (!place) return std::nullopt;
  tensor.row_bytes = *n_row;
  tensor.rows.offset = place->offset;
  tensor.rows.stride = *stride;
  tensor.rows.n_rows = mem_size;
  return TensorPlan{.tensor = tensor, .buffer = place->buffer};
}

// Never 0, and far apart: positions are added to it.
std::uint32_t chance_of(LayerId layer) {
  return (static_cast<std::uint32_t>(layer.value) + 1) * 0x9e3779b1u;
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

Result<std::vector<TensorPlan>> plan_tensors(const StateTensorsParams& params,
                                             BufferPlan& buffers) {
  std::vector<TensorPlan> plans;
  for (std::size_t i = 0; i < params.layout.layers.size(); ++i) {
    const LayerId il(static_cast<std::int32_t>(i));
    if (params.filter && !params.filter(il)) continue;
    const BufferType& type =
        params.offload ? params.layer_devices[i]->buffer_type() : host_buffer_type();
    for (const StateKind kind : {StateKind::kR, StateKind::kS}) {
      const bool is_r = kind == StateKind::kR;
      StateTensor tensor{.layer = il, .kind = kind, .rows = {}};
      tensor.rows.type = is_r ? params.type_r : params.type_s;
      tensor.rows.n_elems =
          is_r ? params.layout.layers[i].r_elems : params.layout.layers[i].s_elems;
      if (tensor.rows.n_elems == 0) continue;
      if (is_r && is_by_chance(params.rounding_r, params.type_r)) {
        tensor.rows.chance = chance_of(il);
      }
      const auto plan = plan_tensor(tensor, params.mem_size, type, buffers);
      if (!plan) {
        return fail(ErrorCode::kInvalidArgument, "{}_l{}: {} rows of {} elements overflow 64 bits",
                    is_r ? 'r' : 's', i, params.mem_size, tensor.rows.n_elems);
      }
      plans.push_back(*plan);
    }
  }
  return plans;
}

}  // namespace

Result<StateTensors> StateTensors::create(const StateTensorsParams& params) {
  EDDY_TRY(check_params(params));
  BufferPlan buffers;
  EDDY_TRY_ASSIGN(const std::vector<TensorPlan> plans, plan_tensors(params, buffers));
  StateTensors tensors;
  EDDY_TRY_ASSIGN(tensors.buffers_, buffers.allocate());
  tensors.r_ = Table<LayerId, StateRows>(params.layout.layers.size());
  tensors.s_ = Table<LayerId, StateRows>(params.layout.layers.size());
  for (const TensorPlan& plan : plans) {
    StateTensor tensor = plan.tensor;
    tensor.rows.buffer = tensors.buffers_[plan.buffer].get();
    (tensor.kind == StateKind::kR ? tensors.r_ : tensors.s_)[tensor.layer] = tensor.rows;
    tensors.tensors_.push_back(tensor);
    tensors.row_.resize(std::max<std::size_t>(tensors.row_.size(), tensor.row_bytes));
  }
  return tensors;
}

void StateTensors::wipe(CellId cell) noexcept {
  for (const StateTensor& t : tensors_) {
    t.rows.buffer->zero(offset_of(t, cell), t.rows.stride);
  }
}

bool StateTensors::is_wiped(const StateTensor& t, CellId cell) const {
  return is_zeroed(*t.rows.buffer, offset_of(t, cell), t.row_bytes);
}

void StateTensors::copy(CellId src, CellId dst) noexcept {
  for (const StateTensor& t : tensors_) {
    const auto row = std::span(row_).first(t.row_bytes);
    read(t, src, row);
    write(t, dst, row);
  }
}

void StateTensors::read(const StateTensor& t, CellId cell, std::span<std::byte> out,
                        std::uint64_t first) const noexcept {
  t.rows.buffer->read(offset_of(t, cell) + first, out);
}

void StateTensors::write(const StateTensor& t, CellId cell,
                         std::span<const std::byte> row) noexcept {
  t.rows.buffer->write(offset_of(t, cell), row);
}

std::uint64_t StateTensors::offset_of(const StateTensor& t, CellId cell) {
  return t.rows.offset + static_cast<std::uint64_t>(cell.value) * t.rows.stride;
}

}  // namespace eddy
