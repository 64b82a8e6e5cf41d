// The product with quantised weights of any block format (chunk-inl.h), with the multiplications of
// a class `Products`. linear_blocks-inl.h includes it inside a namespace that names that class,
// once for each way to multiply: a function is compiled for the instruction set of the place where
// it is written.

// sums[t] += a chunk of the rows, with words as `Multiply` wants them, times kTokens blocks of x.
template <class Format, class Multiply, int kOffset, int kTokens>
HWY_INLINE void add_products(const Chunk<Format>& chunk, const I16* words, const QuantisedBlock* x,
                             V16* sums) {
  constexpr int kRun = kChunkWords / Format::kScales;  // words that share a scale
  EDDY_UNROLL
  for (int h = 0; h < Format::kScales; ++h) {
    I16 ints[kTokens];
    EDDY_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      ints[t] = broadcast_int(kOffset == 0 ? 0 : minus_sum<Format>(x[t], h) * kOffset);
    }
    Multiply::template dots<Format::kMost, kRun, kTokens>(ints, words, x, h * kRun);
    EDDY_UNROLL
    for (int t = 0; t < kTokens; ++t) {
      sums[t] = add_scaled<Format>(sums[t], ints[t], chunk.scale, chunk.low, h, x[t]);
    }
  }
}

// The same for all tokens of the tile: four at a time, so that a word of weights is loaded once for
// them, while there are so many.
template <class Format, class Multiply, int kOffset>
HWY_INLINE void add_all_products(const Chunk<Format>& chunk, const I16* words,
                                 const QuantisedBlock* x, std::int64_t n_tokens, V16* sums) {
  std::int64_t t = 0;
  for (; t + kTogether <= n_tokens; t += kTogether) {
    add_products<Format, Multiply, kOffset, kTogether>(chunk, words, x + t, sums + t);
  }
  for (; t < n_tokens; ++t) {
    add_products<Format, Multiply, kOffset, 1>(chunk, words, x + t, sums + t);
  }
}

// sums[t] += the chunk of the rows times the block of x of every token of the tile.
template <class Format>
HWY_INLINE void add_chunk(Chunk<Format>& chunk, const QuantisedBlock* x, std::int64_t n_tokens,
                          V16* sums) {
  constexpr bool kIsSigned = Format::kMost == 0;
  constexpr int kOffset = kIsSigned ? Products::kSignedOffset : Format::kOffset;
#if EDDY_HAS_PAIRS
  if constexpr (kIsSigned && Products::kWidens) {
    if (n_tokens >= kTogether) {
      I16 wide[2 * kChunkWords];
      WideProducts::widen<kChunkWords>(chunk.words, wide);
      return add_all_products<Format, WideProducts, kOffset>(chunk, wide, x, n_tokens, sums);
    }
  }
#endif
  if constexpr (kIsSigned) {
    for (I16& word : chunk.words) word = Products::prepared(word);
  }
  add_all_products<Format, Products, kOffset>(chunk, chunk.words, x, n_tokens, sums);
}

// The products of up to sixteen rows from `row` on with the tokens of a tile, to where they belong.
HWY_INLINE void store_tile(const LinearBlocksArgs& args, std::int64_t row, std::int64_t first_token,
                           const V16* sums) {
  const std::int64_t n_rows = n_in_sixteen(args.linear.weight.n_out(), row / kLanes);
  for (std::int64_t t = 0; t < args.x.n_in_tile(first_token); ++t) {
    float* out = args.linear.out.token(first_token + t) + row;
    const V16 sum = args.linear.accumulate ? add(load_first(out, n_rows), sums[t]) : sums[t];
    store_first(sum, out, n_rows);
  }
}

// Up to sixteen rows from `row` on, for the tokens of the tile that begins with `first_token`.
template <class Format>
HWY_INLINE void multiply_tile(const LinearBlocksArgs& args, std::int64_t row,
                              std::int64_t first_token) {
  const Weight& weight = args.linear.weight;
  const std::int64_t n_blocks = args.x.n_blocks / Format::kChunks;
  const std::int64_t n_row_bytes = n_blocks * Format::kBlockBytes;
  const std::int64_t n_rows = n_in_sixteen(weight.n_out(), row / kLanes);
  const std::byte* tile = weight.data + row * n_row_bytes;
  const std::byte* rows[16];  // behind the last row it is repeated, and not stored
  for (std::int64_t r = 0; r < 16; ++r) {
    rows[r] = tile + (r < n_rows ? r : n_rows - 1) * n_row_bytes;
  }
  const std::int64_t n_tokens = args.x.n_in_tile(first_token);
  V16 sums[QuantisedX::kTileTokens];
#if EDDY_HAS_ROWS
  if (n_tokens <= Format::Quants::kRowTokens && n_rows == 16) {
    for (std::int64_t t = 0; t < n_tokens; ++t) {
      sums[t] = multiply_rows<Format>(tile, n_blocks, args.x.tile(first_token, 0) + t, n_tokens);
    }
    return store_tile(args, row, first_token, sums);
  }
#endif
  for (std::int64_t t = 0; t < n_tokens; ++t) sums[t] = zeros();
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    const RowBlocks blocks = {rows, b * Format::kBlockBytes};
    typename Format::Scales scales;
    scales.load(blocks);
    typename Format::Quants quants;
    quants.load(blocks);
    const NextTile<Format> next(tile, n_blocks, b);
    for (int c = 0; c < Format::kChunks; ++c) {
      if (first_token == 0) next.fetch(c, Format::kChunks);
      Chunk<Format> chunk;
      quants.words(c, chunk.words);
      scales.set(c, chunk.scale, chunk.low);
      add_chunk<Format>(chunk, args.x.tile(first_token, b * Format::kChunks + c), n_tokens, sums);
    }
  }
  store_tile(args, row, first_token, sums);
}

template <class Format>
void multiply(const LinearBlocksArgs& args, Share tiles) {
  for (std::int64_t tile = tiles.first; tile < tiles.last; ++tile) {
    for (std::int64_t t = 0; t < args.x.n_tokens; t += QuantisedX::kTileTokens) {
      multiply_tile<Format>(args, tile * kLanes, t);
    }
  }
}

// Static, for two files define it, each with formats of its own.
static void linear_blocks(const LinearBlocksArgs& args, Share tiles) {
  switch (args.linear.weight.type) {
#define EDDY_CASE(Format) \
  case DType::k##Format: return multiply<Format>(args, tiles);
    EDDY_FORMATS(EDDY_CASE)
#undef EDDY_CASE
    default: std::abort();  // our own mistake: a type of the table has its line in a list
  }
}
