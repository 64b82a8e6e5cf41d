// The loop of kInt8Chain with the multiplications of a class `Products`; machine_kernels.cpp
// includes it inside a namespace that names that class.
//
// Sixteen rows of weights times many blocks of x, as in a product of matrices, without its scales.

template <class Multiply>
double multiply_blocks(const I16* words, const QuantisedBlock* x, std::int64_t n_blocks,
                       std::int64_t n_steps) {
  constexpr int kWords = kXBlockElems / 4;
  I16 sums[kTogether];
  for (I16& sum : sums) sum = broadcast_int(0);
  for (std::int64_t i = 0; i < n_steps; ++i) {
    const QuantisedBlock* blocks = x + i * kTogether % n_blocks;
    Multiply::template dots<0, kWords, kTogether>(sums, words, blocks, 0);
  }
  for (const I16& sum : sums) use(to_float(sum));
  return static_cast<double>(n_steps) * kTogether * kXBlockElems * 16;
}

inline double int8_chain(std::int64_t n_steps) {
  constexpr int kWords = kXBlockElems / 4;
  constexpr std::int64_t kBlocks = 64;
  QuantisedBlock x[kBlocks] = {};
  std::int32_t rows[kWords][16] = {};
  hide(x);
  hide(rows);
  I16 words[kWords];
  for (int g = 0; g < kWords; ++g) words[g] = Products::prepared(load_int(rows[g]));
#if EDDY_HAS_PAIRS
  if (Products::kWidens) {
    I16 wide[2 * kWords];
    WideProducts::widen<kWords>(words, wide);
    return multiply_blocks<WideProducts>(wide, x, kBlocks, n_steps);
  }
#endif
  return multiply_blocks<Products>(words, x, kBlocks, n_steps);
}
