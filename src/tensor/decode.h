// Weights as files hold them, to F32: every block format that can be computed with, decoded
// exactly. A scale times an integer has at most 24 significant bits, so only the sum with a minimum
// rounds, once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/dtype.h"

namespace eddy {

// Integers that four bits stand for in IQ4_NL and IQ4_XS, and twice the values of MXFP4's E2M1.
inline constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};
inline constexpr std::int8_t kMxfp4Values[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                                 0, -1, -2, -3, -4, -6, -8, -12};

// The scale of a block of MXFP4, to be multiplied with kMxfp4Values: 2^(e - 128).
float mxfp4_scale(std::uint8_t e);

bool can_decode(DType type);

// Decodes whole blocks: `bytes` has row_bytes(type, out.size()) bytes. Precondition: can_decode().
void decode(DType type, const std::byte* bytes, std::span<float> out);

}  // namespace eddy
