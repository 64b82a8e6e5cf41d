// Blocks of quantised weights in doubles, walked in the order in which they are stored.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/dtype.h"

namespace eddy::reference {

// A weight is scaled - low: a scale times an integer, and what the format subtracts from it.
struct BlockElement {
  double scaled = 0, low = 0;
};

// Sign, five bits of exponent, ten of fraction (IEEE 754, binary16).
double half_at(std::span<const std::byte> bytes, std::size_t at);

// All elements of one block. Throws for types that are not made of blocks or not known here.
std::vector<BlockElement> block_elements(DType type, std::span<const std::byte> block);

}  // namespace eddy::reference
