// out[t, o] = sum_i weight[o, i] x[t, i] (+ out[t, o]) for weights of F32, F16 and BF16; x stays
// F32. Element i of the sum goes to lane i mod 16, in rising order, then the lanes are summed.
// weight {n_in, n_out}, x {n_in, n_tokens}, out {n_out, n_tokens}. Reads the weight once; a loaded
// vector of it serves all tokens of a tile; 2 flops for each weight and token.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/linear_dense.cpp"
#include <hwy/foreach_target.h>

#include "cpu/elements-inl.h"
#include "cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Rows and tokens whose sums fit in the registers together.
#if HWY_TARGET == HWY_AVX3
inline constexpr int kRows = 4, kTokens = 4;
#else
inline constexpr int kRows = 2, kTokens = 2;
#endif

template <class Type>
HWY_INLINE const typename Type::Element* weight_row(const Weight& weight, std::int64_t row) {
  return reinterpret_cast<const typename Type::Element*>(weight.data) + row * weight.n_in();
}

// The next `count` elements of every row and token; count is 16 but at the end.
template <class Type, int kR, int kT>
HWY_INLINE void add_products(const typename Type::Element* const (&w)[kR],
                             const float* const (&x)[kT], std::int64_t i, std::int64_t count,
                             V16 (&sums)[kR][kT]) {
  V16 row[kR];
  for (int r = 0; r < kR; ++r) row[r] = load_first_of<Type>(w[r] + i, count);
  for (int t = 0; t < kT; ++t) {
    const V16 v = load_first(x[t] + i, count);
    for (int r = 0; r < kR; ++r) sums[r][t] = fma(row[r], v, sums[r][t]);
  }
}

// Rows row .. row + kR - 1 for tokens token .. token + kT - 1.
template <class Type, int kR, int kT>
HWY_NOINLINE void dense_tile(const LinearArgs& args, std::int64_t row, std::int64_t token) {
  const std::int64_t n = args.weight.n_in();
  const typename Type::Element* w[kR];
  for (int r = 0; r < kR; ++r) w[r] = weight_row<Type>(args.weight, row + r);
  const float* x[kT];
  for (int t = 0; t < kT; ++t) x[t] = args.x.token(token + t);
  V16 sums[kR][kT];
  for (int r = 0; r < kR; ++r) {
    for (int t = 0; t < kT; ++t) sums[r][t] = zeros();
  }
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) add_products<Type>(w, x, i, kLanes, sums);
  if (i < n) add_products<Type>(w, x, i, n - i, sums);
  for (int t = 0; t < kT; ++t) {
    float* out = args.out.token(token + t) + row;
    for (int r = 0; r < kR; ++r) {
      const float sum = sum_lanes(sums[r][t]);
      out[r] = args.accumulate ? out[r] + sum : sum;
    }
  }
}

template <class Type, int kR>
void dense_rows(const LinearArgs& args, std::int64_t row) {
  std::int64_t t = 0;
  for (; t + kTokens <= args.x.n_tokens; t += kTokens) {
    dense_tile<Type, kR, kTokens>(args, row, t);
  }
  for (; t < args.x.n_tokens; ++t) dense_tile<Type, kR, 1>(args, row, t);
}

template <class Type>
void dense_tiles(const LinearArgs& args, Share tiles) {
  const std::int64_t n_rows = args.weight.n_out();
  std::int64_t row = tiles.first * kDenseTileRows;
  const std::int64_t end =
      tiles.last * kDenseTileRows < n_rows ? tiles.last * kDenseTileRows : n_rows;
  for (; row + kRows <= end; row += kRows) dense_rows<Type, kRows>(args, row);
  for (; row < end; ++row) dense_rows<Type, 1>(args, row);
}

void linear_dense(const LinearArgs& args, Share tiles) {
  switch (args.weight.type) {
    case DType::kF16: return dense_tiles<F16>(args, tiles);
    case DType::kBF16: return dense_tiles<BF16>(args, tiles);
    default: return dense_tiles<F32>(args, tiles);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<LinearArgs> kLinearDense = EDDY_PER_ISA(linear_dense);
}  // namespace eddy
#endif
