// Loops that do nothing but one thing as fast as an instruction set allows; for machine.cpp.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace eddy {

// Reads n floats.
extern const PerIsa<void(const float* data, std::int64_t n)> kReadAll;

// Multiply-adds in registers, of floats and of int8; returns how many.
extern const PerIsa<double(std::int64_t n_steps)> kFloatChain;
extern const PerIsa<double(std::int64_t n_steps)> kInt8Chain;

}  // namespace eddy
