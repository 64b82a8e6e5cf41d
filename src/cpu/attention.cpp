// Causal softmax attention (Vaswani et al. 2017) over pages of K and V; for a head of a token at
// position p, which sees the positions from `first` to p, page by page from the first on:
//   s[i] = scale * (q . k[i]), or cap * tanh(s[i] / cap), for the page's positions i it sees
//   m' = max(m, max s);  c = exp(m - m');  e[i] = exp(s[i] - m');  m = m'
//   sum = sum c + (e[0] + e[1] + ...);  o = fma(o, c, e[0] v[0] + e[1] v[1] + ...)
//   out = o / sum
// q . k runs over sixteen lanes and their tree, as does the sum of e (lane i mod 16); e v adds up
// by rising position. A page is the block of all sums, and pages begin at multiples of kKvPage, so
// a token's bits depend on its position and on the K and V it sees alone.
//
// Work: a row is a head of a token. Rows of one lane that read the same head of K and V are worked
// off in tiles; K and V are turned into floats once for a tile, a few positions or elements at a
// time, in the first cache; or used where they lie. A head's part of a page may be many short
// pieces far apart, which the machine does not foresee: they are asked for ahead. Reads K and V
// once for each tile; 2 (k_dim + v_dim) flops for each row and position.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention.cpp"
#include <hwy/foreach_target.h>

#include <algorithm>

#include "cpu/attention_tile-inl.h"
#include "cpu/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

template <class Type>
HWY_NOINLINE void attend(AttentionTile&& tile) {
  const std::int64_t last_page = tile.rows[tile.n_rows - 1].last / kKvPage;
  for (std::int64_t page = tile.rows[0].first / kKvPage; page <= last_page; ++page) {
    attend_page<Type>(tile, page, page == last_page);
  }
  for (int r = 0; r < tile.n_rows; ++r) {
    float* out = tile.rows[r].out;
    for (std::int64_t d = 0; d < tile.v_dim; d += kLanes) {
      const std::int64_t n = std::min(tile.v_dim - d, kLanes);
      store_first(div(load_first(out + d, n), broadcast(tile.rows[r].sum)), out + d, n);
    }
  }
}

// A thread's units are neighbours, and later tokens see more positions: so tiles are counted from
// both ends in turn, and equal shares of the units are about equal work.
template <class Type>
void attend_units(const AttentionArgs& args, Share units) {
  const std::int64_t group = args.n_head / args.n_head_kv;
  std::int64_t begin = 0;  // the tile's first unit
  for (std::size_t i = 0; i < args.lanes.size(); ++i) {
    const std::int64_t n_rows = args.lanes[i].n_tokens * group;
    const std::int64_t n_tiles = (n_rows + kTileRows - 1) / kTileRows;
    for (std::int64_t k = 0; k < args.n_head_kv * n_tiles; ++k) {
      const std::int64_t number = k % n_tiles;
      const std::int64_t tile = number % 2 == 0 ? number / 2 : n_tiles - 1 - number / 2;
      const std::int64_t first = tile * kTileRows;
      const std::int64_t end = begin + std::min<std::int64_t>(n_rows - first, kTileRows);
      const Share ours = {std::max(units.first, begin), std::min(units.last, end)};
      if (ours.first < ours.last) {
        attend<Type>(AttentionTile(args, i, k / n_tiles,
                                   {first + ours.first - begin, first + ours.last - begin}));
      }
      begin = end;
    }
  }
}

void attention(const AttentionArgs& args, Share units) {
  switch (args.kv.pages.type) {
    case DType::kF16: return attend_units<F16>(args, units);
    case DType::kBF16: return attend_units<BF16>(args, units);
    case DType::kQ8_0: return attend_units<KvQ8_0>(args, units);
    default: return attend_units<F32>(args, units);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<AttentionArgs> kAttention = EDDY_PER_ISA(attention);
}  // namespace eddy
#endif
