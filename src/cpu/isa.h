// The instruction sets that the kernels exist for, and tables of one function for each.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "eddy/result.h"

namespace eddy {

enum class Isa { kPlain, kNeon, kNeonDot, kAvx2, kAvx512, kAvx512Vnni };
inline constexpr std::size_t kNumIsas = 6;

// "plain", "neon", "neondot", "avx2", "avx512", "avx512vnni".
std::string_view isa_name(Isa isa);

// What this machine can run, from the slowest, which is plain, to the best.
std::vector<Isa> available_isas();

// The set of this name; "" is the best. kInvalidArgument: unknown, or not on this machine.
Result<Isa> find_isa(std::string_view name);

// One kernel for every instruction set; nullptr where it was not compiled.
template <class Function>
struct PerIsa {
  std::array<Function*, kNumIsas> functions;
  Function* operator[](Isa isa) const { return functions[static_cast<std::size_t>(isa)]; }
};

}  // namespace eddy

// The PerIsa of a function that has one definition in each namespace of Highway's targets. For a
// file that was compiled through hwy/foreach_target.h, inside #if HWY_ONCE.
// clang-format off
#define EDDY_PER_ISA(function)                                                                     \
  {{HWY_CHOOSE_FALLBACK(function), HWY_CHOOSE_NEON(function), HWY_CHOOSE_NEON(function),           \
    HWY_CHOOSE_AVX2(function), HWY_CHOOSE_AVX3(function), HWY_CHOOSE_AVX3(function)}}

// The same for a function in the namespace by_signed, and in by_dot where EDDY_HAS_DOT
// (int8_dot-inl.h).
#define EDDY_PER_ISA_AND_DOT(function)                                                             \
  {{HWY_CHOOSE_FALLBACK(by_signed::function), HWY_CHOOSE_NEON(by_signed::function),                \
    HWY_CHOOSE_NEON(by_dot::function), HWY_CHOOSE_AVX2(by_signed::function),                       \
    HWY_CHOOSE_AVX3(by_signed::function), HWY_CHOOSE_AVX3(by_dot::function)}}
// clang-format on
