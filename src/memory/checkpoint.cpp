#include "memory/checkpoint.h"

#include <utility>

#include "memory/recurrent_memory.h"

namespace eddy {

Checkpoint::Checkpoint(Checkpoint&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      cell_(other.cell_),
      pin_generation_(other.pin_generation_),
      pos_(other.pos_) {}

Checkpoint& Checkpoint::operator=(Checkpoint&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(cell_, other.cell_);
  std::swap(pin_generation_, other.pin_generation_);
  std::swap(pos_, other.pos_);
  return *this;
}

Checkpoint::~Checkpoint() {
  if (is_kept()) memory_->ledger_.unpin(cell_);
}

bool Checkpoint::is_kept() const {
  return memory_ && memory_->ledger_.is_pinned(cell_, pin_generation_);
}

}  // namespace eddy
