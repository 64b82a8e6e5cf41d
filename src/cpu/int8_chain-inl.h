// The loop of kInt8Chain with the multiplications of a class `Products`; machine_kernels.cpp
// includes it inside a namespace that names that class.

inline double int8_chain(std::int64_t n_steps) {
  I16 sums[kChains];
  for (I16& sum : sums) sum = broadcast_int(0);
  I16 w = Products::prepared(broadcast_int(0x01020304));
  constexpr std::int8_t kOnes[4] = {1, 1, 1, 1};
  const I16 ones = broadcast_int(0x01010101);
  for (std::int64_t i = 0; i < n_steps; ++i) {
    for (I16& sum : sums) sum = Products::template dots<0, 1>(sum, &w, kOnes);
    w = add_int(w, ones);  // a factor that changes: no sum can be computed ahead
  }
  for (const I16& sum : sums) use(to_float(sum));
  return static_cast<double>(n_steps) * kChains * 16 * 4;
}
