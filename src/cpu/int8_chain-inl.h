// The loop of kInt8Chain with the multiplications of a class `Products`; machine_kernels.cpp
// includes it inside a namespace that names that class.
//
// Sixteen rows of weights times many blocks of x, as in a product of matrices, without its scales.

inline double int8_chain(std::int64_t n_steps) {
  constexpr int kWords = 8, kBlocks = 64;
  std::int8_t x[kBlocks][4 * kWords] = {};
  std::int32_t rows[kWords][16] = {};
  hide(x);
  hide(rows);
  I16 words[kWords];
  for (int g = 0; g < kWords; ++g) words[g] = Products::prepared(load_int(rows[g]));
  I16 total = broadcast_int(0);
  for (std::int64_t i = 0; i < n_steps; ++i) {
    const std::int8_t* block = x[i % kBlocks];
    total = add_int(total, Products::template dots<0, kWords>(broadcast_int(0), words, block));
  }
  use(to_float(total));
  return static_cast<double>(n_steps) * kWords * 16 * 4;
}
