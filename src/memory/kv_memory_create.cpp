// KvMemory::create: what the layout asks for, checked and laid out.
#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"
#include "memory/buffer_plan.h"
#include "memory/kv_memory.h"

namespace eddy {
namespace {

constexpr std::uint64_t kPageAlignment = 64;  // bytes: a cache line, and any vector register

bool is_kv_type(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16 || type == DType::kQ8_0;
}

// A layer to come.
struct Plan {
  LayerId layer;
  std::size_t group = 0;
  KvPages pages;
  std::size_t buffer = 0;
};

struct GroupPlan {
  std::int32_t window = 0;
  std::uint32_t n_pages = 0;
  std::uint32_t n_list_max = 0;
  bool is_ample = false;
};

Status check_layer(LayerId il, const StateLayout::Layer& layer, const KvMemoryParams& params) {
  if (!is_kv_type(params.type_kv)) {
    return fail(ErrorCode::kInvalidArgument, "type_kv {}, expected F32, F16, BF16 or Q8_0",
                dtype_name(params.type_kv));
  }
  constexpr std::uint32_t kMost = std::numeric_limits<std::int32_t>::max();
  if (params.kv_size < 1 || params.kv_size > kMost) {
    return fail(ErrorCode::kInvalidArgument, "kv_size {}, expected 1 .. {}: layer {} has attention",
                params.kv_size, kMost, il.value);
  }
  if (layer.k_elems == 0 || layer.v_elems == 0 || layer.window < 0) {
    return fail(ErrorCode::kInvalidArgument, "layer {}: {} elements of K, {} of V, window {}",
                il.value, layer.k_elems, layer.v_elems, layer.window);
  }
  return {};
}

GroupPlan plan_group(std::int32_t window, const KvMemoryParams& params) {
  const std::uint64_t n_all = (std::uint64_t{params.kv_size} + kKvPage - 1) / kKvPage;
  GroupPlan plan{.window = window};
  plan.n_pages = static_cast<std::uint32_t>(n_all);
  plan.n_list_max = plan.n_pages;
  if (window == 0) return plan;
  const std::uint64_t n_list = n_window_pages(window, params.n_ubatch_max);
  const std::uint64_t n_most = n_list * params.mem_size;
  plan.is_ample = n_most <= n_all;
  plan.n_pages = static_cast<std::uint32_t>(std::min(n_all, n_most));
  plan.n_list_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(plan.n_pages, n_list));
  return plan;
}

// Extents of a layer's pages and their place; nullopt where they do not fit.
std::optional<Plan> plan_layer(const StateLayout::Layer& layer, DType type, std::uint32_t n_pages,
                               const BufferType& buffer_type, BufferPlan& buffers) {
  const auto k_bytes = row_bytes(type, layer.k_elems);
  const auto v_bytes = row_bytes(type, layer.v_elems);
  const auto row = k_bytes && v_bytes ? checked_add(*k_bytes, *v_bytes) : std::nullopt;
  const auto rows = row ? checked_mul(*row, kKvPage) : std::nullopt;
  const auto stride = rows ? checked_align(*rows, kPageAlignment) : std::nullopt;
  const auto n_bytes = stride ? checked_mul(*stride, n_pages) : std::nullopt;
  const auto place = n_bytes ? buffers.add(buffer_type, *n_bytes) : std::nullopt;
  if (!place) return std::nullopt;
  Plan plan;
  plan.buffer = place->buffer;
  plan.pages = {.offset = place->offset,
                .stride = *stride,
                .k_bytes = *k_bytes,
                .v_bytes = *v_bytes,
                .n_pages = n_pages,
                .type = type};
  return plan;
}

Result<std::vector<Plan>> plan_layers(const KvMemoryParams& params, std::vector<GroupPlan>& groups,
                                      BufferPlan& buffers) {
  std::vector<Plan> plans;
  for (std::size_t i = 0; i < params.layout.layers.size(); ++i) {
    const LayerId il(static_cast<std::int32_t>(i));
    const StateLayout::Layer& layer = params.layout.layers[i];
    if (layer.k_elems == 0 && layer.v_elems == 0) continue;
    if (params.filter && !params.filter(il)) continue;
    EDDY_TRY(check_layer(il, layer, params));
    const auto n_rewind = static_cast<std::int32_t>(params.n_rewind);
    const std::int32_t window = layer.window == 0 ? 0 : layer.window + n_rewind;
    const auto found = std::ranges::find(groups, window, &GroupPlan::window);
    const auto group = static_cast<std::size_t>(found - groups.begin());
    if (group == groups.size()) groups.push_back(plan_group(window, params));
    const BufferType& type =
        params.offload ? params.layer_devices[i]->buffer_type() : host_buffer_type();
    auto plan = plan_layer(layer, params.type_kv, groups[group].n_pages, type, buffers);
    if (!plan) {
      return fail(ErrorCode::kInvalidArgument,
                  "layer {}: {} pages of {} + {} elements of {}: no whole blocks, or their bytes "
                  "overflow",
                  i, groups[group].n_pages, layer.k_elems, layer.v_elems,
                  dtype_name(params.type_kv));
    }
    plan->layer = il;
    plan->group = group;
    plans.push_back(*plan);
  }
  return plans;
}

}  // namespace

Result<KvMemory> KvMemory::create(const KvMemoryParams& params) {
  KvMemory kv;
  kv.n_rewind_ = static_cast<std::int32_t>(params.n_rewind);
  std::vector<GroupPlan> groups;
  BufferPlan buffers;
  EDDY_TRY_ASSIGN(const std::vector<Plan> plans, plan_layers(params, groups, buffers));
  if (plans.empty()) return kv;
  EDDY_TRY_ASSIGN(kv.buffers_, buffers.allocate());
  std::int64_t n_list_max = n_pages_of(params.n_ubatch_max);
  for (const GroupPlan& plan : groups) {
    EDDY_TRY_ASSIGN(KvLists lists, KvLists::create({.n_pages = plan.n_pages,
                                                    .n_cells = params.mem_size,
                                                    .n_list_max = plan.n_list_max}));
    kv.groups_.push_back({plan.window, plan.is_ample, std::move(lists), {}});
    n_list_max = std::max<std::int64_t>(n_list_max, plan.n_list_max);
  }
  kv.layers_ = Table<LayerId, Layer>(params.layout.layers.size());
  for (const Plan& plan : plans) {
    Layer placed{.pages = plan.pages, .group = plan.group};
    placed.pages.buffer = kv.buffers_[plan.buffer].get();
    kv.add_layer(plan.layer, params.layout.layers[static_cast<std::size_t>(plan.layer.value)],
                 placed);
  }
  kv.n_tokens_ = Table<CellId, Pos>(params.mem_size);
  kv.page_numbers_.resize(static_cast<std::size_t>(n_list_max));
  std::iota(kv.page_numbers_.begin(), kv.page_numbers_.end(), 0);
  return kv;
}

void KvMemory::add_layer(LayerId layer, const StateLayout::Layer& layout, const Layer& placed) {
  layers_[layer] = placed;
  groups_[placed.group].layers.push_back(placed.pages);
  KvTensor tensor{.layer = layer, .pages = placed.pages, .group = placed.group};
  tensor.window = layout.window;
  tensor.n_elems = layout.k_elems;
  tensor.row_bytes = placed.pages.k_bytes;
  tensors_.push_back(tensor);
  tensor.kind = StateKind::kV;
  tensor.n_elems = layout.v_elems;
  tensor.row_bytes = placed.pages.v_bytes;
  tensor.row_offset = placed.pages.k_bytes * kKvPage;
  tensors_.push_back(tensor);
  const std::uint64_t n_row = std::max(placed.pages.k_bytes, placed.pages.v_bytes);
  rows_.resize(std::max<std::uint64_t>(rows_.size(), n_row * kKvPage));
}

}  // namespace eddy
