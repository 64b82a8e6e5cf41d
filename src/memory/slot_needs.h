// SlotNeeds: what must be free for a plan to succeed.
#pragma once

#include <cstdint>
#include <span>

namespace eddy {

struct SlotNeeds {
  std::uint32_t n_cells = 0;
  std::span<const std::uint64_t> n_pages;  // by group of attention layers
};

}  // namespace eddy
