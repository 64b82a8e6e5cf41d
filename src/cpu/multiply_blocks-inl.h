// The product with quantised weights of any block format (chunk-inl.h), with the multiplications of
// a class `Products`. linear_blocks-inl.h includes it inside a namespace that names that class,
// once for each way to multiply: a function is compiled for the instruction set of the place where
// it is written.

// The next tile's rows follow this tile's in memory; each block brings its part of them closer.
template <class Format>
HWY_INLINE void prefetch_next_tile(const std::byte* tile, std::int64_t n_tile_bytes,
                                   std::int64_t b) {
  constexpr std::int64_t kStep = 16 * Format::kBlockBytes, kLine = 64;
  const std::byte* first = tile + n_tile_bytes + b * kStep;
  for (std::int64_t i = 0; i < kStep; i += kLine) __builtin_prefetch(first + i, 0, 2);
}

// sums[t] += the chunk of the rows times the block of x of every token of the tile.
template <class Format>
HWY_INLINE void add_chunk(Chunk<Format>& chunk, const QuantisedBlock* x, std::int64_t n_tokens,
                          V16* sums) {
  constexpr bool kIsSigned = Format::kMost == 0;
  constexpr int kOffset = kIsSigned ? Products::kSignedOffset : Format::kOffset;
  constexpr int kRun = kChunkWords / Format::kScales;  // words that share a scale
  if constexpr (kIsSigned) {
    for (I16& word : chunk.words) word = Products::prepared(word);
  }
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    for (int h = 0; h < Format::kScales; ++h) {
      std::int32_t minus_sum = x[t].minus_sums[h];
      if constexpr (Format::kScales == 1) minus_sum += x[t].minus_sums[1];
      const I16 sum = Products::template dots<Format::kMost, kRun>(
          broadcast_int(minus_sum * kOffset), chunk.words + h * kRun, x[t].q + 4 * h * kRun);
      sums[t] = fma(to_float(sum), mul(chunk.scale[h], broadcast(x[t].d)), sums[t]);
      if constexpr (Format::kHasLow) {
        const float minus_x = static_cast<float>(minus_sum) * x[t].d;
        sums[t] = fma(chunk.low[h], broadcast(minus_x), sums[t]);
      }
    }
  }
}

// Up to sixteen rows from `row` on, for the tokens of the tile that begins with `first_token`.
template <class Format>
HWY_INLINE void multiply_tile(const LinearBlocksArgs& args, std::int64_t row,
                              std::int64_t first_token) {
  const Weight& weight = args.linear.weight;
  const std::int64_t n_blocks = args.x.n_blocks / Format::kChunks;
  const std::int64_t n_row_bytes = n_blocks * Format::kBlockBytes;
  const std::int64_t n_rows = weight.n_out() - row < 16 ? weight.n_out() - row : 16;
  const std::byte* tile = weight.data + row * n_row_bytes;
  const std::byte* rows[16];  // behind the last row it is repeated, and not stored
  for (std::int64_t r = 0; r < 16; ++r) {
    rows[r] = tile + (r < n_rows ? r : n_rows - 1) * n_row_bytes;
  }
  const std::int64_t n_tokens = args.x.n_in_tile(first_token);
  V16 sums[QuantisedX::kTileTokens];
  for (std::int64_t t = 0; t < n_tokens; ++t) sums[t] = zeros();
  for (std::int64_t b = 0; b < n_blocks; ++b) {
    if (first_token == 0) prefetch_next_tile<Format>(tile, 16 * n_row_bytes, b);
    typename Format::Head head;
    Format::load({rows, b * Format::kBlockBytes}, head);
    for (int c = 0; c < Format::kChunks; ++c) {
      Chunk<Format> chunk;
      Format::chunk(head, c, chunk);
      add_chunk<Format>(chunk, args.x.tile(first_token, b * Format::kChunks + c), n_tokens, sums);
    }
  }
  for (std::int64_t t = 0; t < n_tokens; ++t) {
    float* out = args.linear.out.token(first_token + t) + row;
    const V16 sum = args.linear.accumulate ? add(load_first(out, n_rows), sums[t]) : sums[t];
    store_first(sum, out, n_rows);
  }
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
