// Which instruction sets the kernels are compiled for. Include it before any header of Highway, so
// that every kernel file is compiled for the same list.
//
// Sets without fused multiply-add (SSE) are left out: a machine without AVX2 computes with the
// plain set. AVX3_DL of Highway 1.0.3 lets the compiler use AVX-VNNI, which CPUs with AVX512-VNNI
// may lack; what multiplies int8 asks for AVX512-VNNI itself (int8_dot-inl.h).
//
// With EDDY_QUICK_KERNELS (an option of CMake, for sanitizers) the AVX-512 sets are left out too.
#pragma once

#ifdef EDDY_QUICK_KERNELS
#define EDDY_SLOW_TO_COMPILE HWY_AVX3
#else
#define EDDY_SLOW_TO_COMPILE 0
#endif
#define HWY_DISABLED_TARGETS                                                              \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | \
   EDDY_SLOW_TO_COMPILE)

// The plain set is always compiled, whatever -march says. HWY_BASELINE_SCALAR is Highway's set
// without vectors, by the compiler's version EMU128 or SCALAR.
#if defined(__aarch64__)
#define HWY_BASELINE_TARGETS (HWY_BASELINE_SCALAR | HWY_NEON)
#else
#define HWY_BASELINE_TARGETS HWY_BASELINE_SCALAR
#endif

#include <hwy/targets.h>
