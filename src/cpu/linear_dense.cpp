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
#elif HWY_TARGET == HWY_AVX2
inline constexpr int kRows = 2, kTokens = 3;
#else
inline constexpr int kRows = 2, kTokens = 2;
#endif

template <class Type>
HWY_INLINE const typename Type::Element* weight_row(const Weight& weight, std::int64_t row) {
  return reinterpret_cast<const typename Type::Element*>(weight.data) + row * weight.n_in();
}

// kR rows of n elements are followed in memory by as many; each sixteen elements of a row bring a
// part of these closer, from first to last: rows that are read side by side look like no stream to
// the machine.
template <int kR, class Element>
HWY_INLINE void prefetch_next_rows(const Element* rows, std::int64_t n, std::int64_t i) {
  constexpr int kStep = kR * static_cast<int>(kLanes * sizeof(Element)), kLine = 64;
  const auto* next = reinterpret_cast<const std::byte*>(rows + kR * (n + i));
  for (int at = 0; at < kStep; at += kLine) __builtin_prefetch(next + at);
}

// The next `count` elements of every row and token; count is 16 but at the end.
template <class Type, int kR, int kT>
HWY_INLINE void add_products(const typename Type::Element* const (&w)[kR],
                             const float* const (&x)[kT], std::int64_t i, std::int64_t count,
                             V16 (&sums)[kR * kT]) {
  V16 row[kR];
  for (int r = 0; r < kR; ++r) row[r] = load_first_of<Type>(w[r] + i, count);
  for (int t = 0; t < kT; ++t) {
    const V16 v = load_first(x[t] + i, count);
    for (int r = 0; r < kR; ++r) sums[t * kR + r] = fma(row[r], v, sums[t * kR + r]);
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
  V16 sums[kR * kT];
  for (V16& sum : sums) sum = zeros();
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    if (token == 0) prefetch_next_rows<kR>(w[0], n, i);
    add_products<Type>(w, x, i, kLanes, sums);
  }
  if (i < n) add_products<Type>(w, x, i, n - i, sums);
  float totals[kR * kT];
  sum_each(sums, totals);
  for (int t = 0; t < kT; ++t) {
    float* out = args.out.token(token + t) + row;
    const float* total = totals + t * kR;
    for (int r = 0; r < kR; ++r) out[r] = args.accumulate ? out[r] + total[r] : total[r];
  }
}

// The given rows for tokens token .. token + kT - 1.
template <class Type, int kT>
HWY_INLINE void dense_tokens(const LinearArgs& args, Share rows, std::int64_t token) {
  std::int64_t row = rows.first;
  for (; row + kRows <= rows.last; row += kRows) dense_tile<Type, kRows, kT>(args, row, token);
  for (; row < rows.last; ++row) dense_tile<Type, 1, kT>(args, row, token);
}

// The rows of a unit, which fill whole cache lines of out. They stay in the cache for all tokens,
// and the tokens of a tile for all rows.
template <class Type>
void dense_unit(const LinearArgs& args, std::int64_t unit) {
  const std::int64_t first = unit * kLanes;
  const Share rows = {first, first + n_in_sixteen(args.weight.n_out(), unit)};
  const std::int64_t n_tokens = args.x.n_tokens;
  std::int64_t t = 0;
  for (; t + kTokens <= n_tokens; t += kTokens) dense_tokens<Type, kTokens>(args, rows, t);
  for (; t + 2 <= n_tokens; t += 2) dense_tokens<Type, 2>(args, rows, t);
  for (; t < n_tokens; ++t) dense_tokens<Type, 1>(args, rows, t);
}

template <class Type>
void dense_units(const LinearArgs& args, Share units) {
  for (std::int64_t unit = units.first; unit < units.last; ++unit) dense_unit<Type>(args, unit);
}

void linear_dense(const LinearArgs& args, Share units) {
  switch (args.weight.type) {
    case DType::kF16: return dense_units<F16>(args, units);
    case DType::kBF16: return dense_units<BF16>(args, units);
    default: return dense_units<F32>(args, units);
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
