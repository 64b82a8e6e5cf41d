#include "memory/recurrent_context.h"

#include <cassert>
#include <utility>

#include "base/error.h"
#include "memory/recurrent_memory.h"

namespace eddy {

RecurrentContext::RecurrentContext(RecurrentContext&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)) {}

RecurrentContext& RecurrentContext::operator=(RecurrentContext&& other) noexcept {
  std::swap(memory_, other.memory_);
  return *this;
}

RecurrentContext::~RecurrentContext() {
  if (memory_) memory_->close_context();
}

ContextStatus RecurrentContext::status() const { return memory_->walk_.status; }

const UBatch& RecurrentContext::ubatch() const { return memory_->walk_.cutter.ubatch(); }

Status RecurrentContext::apply() {
  if (status() == ContextStatus::kNoUpdate) return {};
  return memory_->find_slot(ubatch());
}

bool RecurrentContext::next() noexcept {
  auto& walk = memory_->walk_;
  if (!walk.staged.is_staged()) return false;
  walk.staged.publish(memory_->ledger_);
  if (walk.cutter.next()) return true;
  walk.status = ContextStatus::kNoUpdate;
  return false;
}

void RecurrentContext::fail() noexcept {
  memory_->walk_.staged.take_back(memory_->ledger_);
  memory_->walk_.cutter.reset();
  memory_->walk_.status = ContextStatus::kFailedCompute;
}

std::span<const Lane> RecurrentContext::lanes() const { return memory_->walk_.staged.lanes(); }

StateRows RecurrentContext::with_log(StateRows rows, const LogRows& log) const {
  rows.log = log;
  if (log.buffer) rows.log_lanes = memory_->walk_.staged.log_lanes();
  return rows;
}

StateRows RecurrentContext::get_r_l(LayerId il) const {
  return with_log(memory_->tensors_.r(il), memory_->log_.r(il));
}
StateRows RecurrentContext::get_s_l(LayerId il) const {
  return with_log(memory_->tensors_.s(il), memory_->log_.s(il));
}

KvView RecurrentContext::get_kv_l(LayerId il) const {
  const KvPages pages = memory_->kv_.pages(il);
  if (!pages.buffer) return {};
  return {.pages = pages, .lanes = memory_->walk_.staged.kv_lanes(memory_->kv_.group_of(il))};
}

std::uint32_t RecurrentContext::n_rs() const { return static_cast<std::uint32_t>(lanes().size()); }

std::uint32_t RecurrentContext::head() const {
  return lanes().empty() ? 0 : static_cast<std::uint32_t>(lanes().front().dst);
}

std::int32_t RecurrentContext::rs_z() const {
  for (std::size_t i = 0; i < lanes().size(); ++i) {
    if (lanes()[i].src == kZeroRow) return static_cast<std::int32_t>(i);
  }
  return -1;
}

std::int32_t RecurrentContext::s_copy(std::int32_t i) const {
  assert(i >= 0 && static_cast<std::size_t>(i) < lanes().size());
  return lanes()[static_cast<std::size_t>(i)].src;
}

}  // namespace eddy
