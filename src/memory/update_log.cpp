#include "memory/update_log.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "base/try.h"
#include "memory/buffer_plan.h"
#include "memory/kv_memory.h"
#include "memory/zeroed.h"

namespace eddy {
namespace {

constexpr std::uint64_t kLogAlignment = 64;  // bytes: a cache line, and any vector register

std::int32_t to_int32(std::int64_t n) { return static_cast<std::int32_t>(n); }

std::uint64_t n_logged(const StateLayout::Layer& layer) {
  return layer.r_log_elems + layer.s_log_elems;
}

std::uint64_t page_offset(const LogRows& layer, std::int32_t page) {
  return layer.offset + static_cast<std::uint64_t>(page) * layer.stride;
}

bool logs(const UpdateLogParams& params, std::size_t il) {
  const StateLayout::Layer& layer = params.layout.layers[il];
  const bool is_kept =
      !params.filter || params.filter(LayerId(to_int32(static_cast<std::int64_t>(il))));
  return is_kept && n_logged(layer) > 0;
}

// Pages of a list that covers two windows and is extended by a token more.
std::uint32_t n_list_pages(std::uint32_t n_rewind) { return 2 * n_rewind / kKvPage + 2; }

// What is there for one sequence: has_room() asks for more than a step begins.
std::uint32_t n_pages_of_sequence(std::uint32_t n_rewind) { return n_list_pages(n_rewind) + 2; }

}  // namespace

Result<UpdateLog> UpdateLog::create(const UpdateLogParams& params) {
  UpdateLog log;
  constexpr std::uint32_t kMost = 1 << 20;
  if (params.n_rewind % kKvPage != 0 || params.n_rewind > kMost) {
    return fail(ErrorCode::kInvalidArgument, "n_rewind {}, expected a multiple of {}, at most {}",
                params.n_rewind, kKvPage, kMost);
  }
  for (std::size_t i = 0; i < params.layout.layers.size(); ++i) {
    const StateLayout::Layer& layer = params.layout.layers[i];
    if (logs(params, i)) log.n_token_bytes_ += n_logged(layer) * sizeof(float);
  }
  if (params.n_rewind == 0 || log.n_token_bytes_ == 0) return log;
  const std::uint64_t n_wanted =
      std::uint64_t{n_pages_of_sequence(params.n_rewind)} * params.n_seq_max;
  const std::uint64_t n_paid = params.n_bytes_max / (log.n_token_bytes_ * kKvPage);
  const auto n_pages = static_cast<std::uint32_t>(
      std::min({n_wanted, n_paid, std::uint64_t{std::numeric_limits<std::int32_t>::max()}}));
  if (n_pages == 0) return log;  // not even one
  log.n_rewind_ = params.n_rewind;
  EDDY_TRY(log.add_layers(params, n_pages));
  EDDY_TRY_ASSIGN(
      log.lists_,
      KvLists::create({.n_pages = n_pages,
                       .n_cells = params.mem_size,
                       .n_list_max = std::min(n_pages, n_list_pages(params.n_rewind))}));
  log.logs_ = Table<CellId, Log>(params.mem_size);
  return log;
}

Status UpdateLog::add_layers(const UpdateLogParams& params, std::uint32_t n_pages) {
  const std::size_t n_layers = params.layout.layers.size();
  r_ = Table<LayerId, LogRows>(n_layers);
  s_ = Table<LayerId, LogRows>(n_layers);
  BufferPlan plan;
  std::vector<std::pair<LayerId, std::size_t>> placed;  // the layers, and their buffers
  for (std::size_t i = 0; i < n_layers; ++i) {
    if (!logs(params, i)) continue;
    const LayerId il(to_int32(static_cast<std::int64_t>(i)));
    const StateLayout::Layer& layer = params.layout.layers[i];
    const BufferType& type =
        params.offload ? params.layer_devices[i]->buffer_type() : host_buffer_type();
    const auto n_row = checked_mul(n_logged(layer), sizeof(float));
    const auto n_rows = n_row ? checked_mul(*n_row, kKvPage) : std::nullopt;
    const auto stride = n_rows ? checked_align(*n_rows, kLogAlignment) : std::nullopt;
    const auto n_bytes = stride ? checked_mul(*stride, n_pages) : std::nullopt;
    const auto place = n_bytes ? plan.add(type, *n_bytes) : std::nullopt;
    if (!place) {
      return fail(ErrorCode::kInvalidArgument, "layer {}: {} pages of a log overflow 64 bits", i,
                  n_pages);
    }
    layers_.push_back({.offset = place->offset, .stride = *stride, .n_elems = layer.r_log_elems});
    placed.push_back({il, place->buffer});
  }
  EDDY_TRY_ASSIGN(buffers_, plan.allocate());
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const auto [il, buffer] = placed[i];
    LogRows& r = layers_[i];
    r.buffer = buffers_[buffer].get();
    LogRows s = r;
    s.offset += r.n_elems * sizeof(float) * kKvPage;
    s.n_elems = params.layout.layers[static_cast<std::size_t>(il.value)].s_log_elems;
    r_[il] = r;
    s_[il] = s;
    rows_.resize(std::max<std::size_t>(rows_.size(), r.stride));
  }
  return {};
}

bool UpdateLog::has_room(std::int32_t n_tokens) const {
  // One more than is begun: the last page may have to be copied.
  return n_pages_of(std::min<Pos>(n_tokens, 2 * n_rewind_)) + 2 <= std::int64_t{lists_.n_free()};
}

void UpdateLog::extend(CellId cell, Pos n_before, std::int32_t n_tokens, Pos from) noexcept {
  if (!is_on()) return;
  const Pos n_after = n_before + n_tokens;
  assert(lists_.pages(cell).empty() || end(cell) == n_before);
  from = std::min(from, n_after);
  if (lists_.pages(cell).empty()) {
    logs_[cell].first = std::max(from, n_before);
    lists_.begin(cell, to_int32(logs_[cell].first / kKvPage));
  } else if (from >= n_before) {
    release(cell);
    logs_[cell].first = from;
    lists_.begin(cell, to_int32(from / kKvPage));
  } else {
    drop_before(cell, from);
  }
  logs_[cell].end = n_after;
  const std::int64_t n_new = n_pages_of(n_after) - lists_.end_page(cell);
  const auto n_list = static_cast<std::int64_t>(lists_.pages(cell).size()) + n_new;
  // One more than is needed: the last page may have to be copied.
  if (n_new + 1 > std::int64_t{lists_.n_free()} || n_list > std::int64_t{lists_.n_list_max()}) {
    release(cell);
    logs_[cell] = {.first = n_after, .end = n_after};
    lists_.begin(cell, to_int32(n_pages_of(n_after)));
    return;
  }
  if (n_before % kKvPage != 0 && n_before > logs_[cell].first) own_last(cell);
  for (std::int64_t i = 0; i < n_new; ++i) lists_.append(cell);
}

void UpdateLog::drop_before(CellId cell, Pos from) noexcept {
  logs_[cell].first = std::max(logs_[cell].first, from);
  lists_.drop_front(cell, to_int32(from / kKvPage) - lists_.first_page(cell),
                    [&](std::int32_t page) { wipe(page); });
}

// Copies the last page if other cells have it too.
void UpdateLog::own_last(CellId cell) noexcept {
  const std::int32_t page = lists_.pages(cell).back();
  if (lists_.n_holders(page) == 1) return;
  lists_.renew_last(cell);
  const std::int32_t copy = lists_.pages(cell).back();
  for (const LogRows& layer : layers_) {
    const auto rows = std::span(rows_).first(layer.stride);
    layer.buffer->read(page_offset(layer, page), rows);
    layer.buffer->write(page_offset(layer, copy), rows);
  }
}

void UpdateLog::wipe(std::int32_t page) noexcept {
  for (const LogRows& layer : layers_) layer.buffer->zero(page_offset(layer, page), layer.stride);
}

void UpdateLog::share(CellId src, CellId dst, Pos n_tokens) noexcept {
  if (!is_on()) return;
  const std::int64_t n = n_pages_of(std::min(n_tokens, end(src))) - lists_.first_page(src);
  lists_.share(src, dst, to_int32(std::max<std::int64_t>(n, 0)));
  logs_[dst] = {.first = std::min(first(src), n_tokens), .end = std::min(end(src), n_tokens)};
}

void UpdateLog::move(CellId src, CellId dst) noexcept {
  if (!is_on()) return;
  lists_.move(src, dst);
  logs_[dst] = std::exchange(logs_[src], {});
}

void UpdateLog::truncate(CellId cell, Pos n_tokens) noexcept {
  if (!is_on() || n_tokens >= end(cell)) return;
  const std::int64_t end_page =
      std::max<std::int64_t>(n_pages_of(n_tokens), lists_.first_page(cell));
  lists_.drop_back(cell, std::max(0, lists_.end_page(cell) - to_int32(end_page)),
                   [&](std::int32_t page) { wipe(page); });
  logs_[cell] = {.first = std::min(first(cell), n_tokens), .end = n_tokens};
}

void UpdateLog::release(CellId cell) noexcept {
  if (!is_on()) return;
  truncate(cell, 0);
  lists_.drop_back(cell, to_int32(static_cast<std::int64_t>(lists_.pages(cell).size())),
                   [&](std::int32_t page) { wipe(page); });
  lists_.begin(cell, 0);
  logs_[cell] = {};
}

KvLane UpdateLog::lane(CellId cell, Pos pos) const {
  return {.pos = to_int32(pos), .first_page = lists_.first_page(cell), .pages = lists_.pages(cell)};
}

Status UpdateLog::check() const {
  if (!is_on()) return {};
  const Status sound = lists_.check();
  if (!sound) return prefixed("I8: update log", sound.error());
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    const CellId cell = logs_.id_at(i);
    const Log& log = logs_[cell];
    const bool is_empty = lists_.pages(cell).empty();
    if (is_empty ? log.first == log.end || log.end == 0
                 : log.first <= log.end && lists_.first_page(cell) == log.first / kKvPage &&
                       lists_.end_page(cell) == n_pages_of(log.end)) {
      continue;
    }
    return fail(ErrorCode::kMalformed, "I8: cell {}: log of [{}, {}) in pages [{}, {})", i,
                log.first, log.end, lists_.first_page(cell), lists_.end_page(cell));
  }
  return {};
}

Status UpdateLog::check_free_pages() const {
  if (!is_on()) return {};
  for (const std::int32_t page : lists_.free_pages()) {
    for (const LogRows& layer : layers_) {
      if (is_zeroed(*layer.buffer, page_offset(layer, page), layer.stride)) continue;
      return fail(ErrorCode::kMalformed, "I6: free page {} of the log is not zero", page);
    }
  }
  return {};
}

}  // namespace eddy
