// The kernel linear_q8_0 with the multiplications of a class `Products`. linear_q8_0.cpp includes
// it inside a namespace that names that class, once for each way to multiply. It is no template
// because a function is compiled for the instruction set of the place where it is written.

// The next tile's rows follow this tile's in memory; each block brings its part of them closer.
HWY_INLINE void prefetch_next_tile(const std::byte* tile, std::int64_t n_tile_bytes,
                                   std::int64_t b) {
  constexpr std::int64_t kStep = 16 * sizeof(Q8Block), kLine = 64;
  const std::byte* first = tile + n_tile_bytes + b * kStep;
  for (std::int64_t i = 0; i < kStep; i += kLine) __builtin_prefetch(first + i, 0, 2);
}

// sums[t] += block b of the rows times block b of every token of the tile.
HWY_INLINE void add_block(const RowBlocks& blocks, const QuantisedBlock* x, std::int64_t n_tokens,
                          V16* sums) {
  I16 words[kWords];
  load_words(blocks, words);
  for (I16& word : words) word = Products::prepared(word);
  const V16 scales = load_scales(blocks);
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    I16 sum = Products::start(x[t].minus_128_sum);
    for (int g = 0; g < kWords; ++g) {
      std::int32_t word;
      std::memcpy(&word, x[t].q + 4 * g, sizeof word);
      sum = Products::dot(sum, words[g], broadcast_int(word));
    }
    sums[t] = fma(to_float(sum), mul(scales, broadcast(x[t].d)), sums[t]);
  }
}

// Up to sixteen rows from `row` on, for the tokens of the tile that begins with `first_token`.
HWY_INLINE void multiply_tile(const LinearQ8Args& args, std::int64_t row,
                              std::int64_t first_token) {
  const Weight& weight = args.linear.weight;
  const std::int64_t n_row_bytes = args.x.n_blocks * static_cast<std::int64_t>(sizeof(Q8Block));
  const std::int64_t n_rows = weight.n_out() - row < 16 ? weight.n_out() - row : 16;
  const std::byte* tile = weight.data + row * n_row_bytes;
  const std::byte* rows[16];  // behind the last row it is repeated, and not stored
  for (std::int64_t r = 0; r < 16; ++r) {
    rows[r] = tile + (r < n_rows ? r : n_rows - 1) * n_row_bytes;
  }
  const std::int64_t n_tokens = args.x.n_in_tile(first_token);
  V16 sums[QuantisedX::kTileTokens];
  for (std::int64_t t = 0; t < n_tokens; ++t) sums[t] = zeros();
  for (std::int64_t b = 0; b < args.x.n_blocks; ++b) {
    if (first_token == 0) prefetch_next_tile(tile, 16 * n_row_bytes, b);
    const RowBlocks blocks = {rows, b * static_cast<std::int64_t>(sizeof(Q8Block))};
    add_block(blocks, args.x.tile(first_token, b), n_tokens, sums);
  }
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    float* out = args.linear.out.token(first_token + t) + row;
    const V16 sum = args.linear.accumulate ? add(load_first(out, n_rows), sums[t]) : sums[t];
    store_first(sum, out, n_rows);
  }
}

inline void linear_q8_0(const LinearQ8Args& args, Share tiles) {
  for (std::int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    for (std::int64_t t = 0; t < args.x.n_tokens; t += QuantisedX::kTileTokens) {
      multiply_tile(args, tile * kLanes, t);
    }
  }
}
