// Attention of a tile of rows: the arithmetic of one page. Formulas in attention.cpp.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_ATTENTION_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_ATTENTION_TILE_INL_H_
#undef EDDY_CPU_ATTENTION_TILE_INL_H_
#else
#define EDDY_CPU_ATTENTION_TILE_INL_H_
#endif

#include <algorithm>
#include <limits>
#include <type_traits>

#include "cpu/kernels.h"
#include "cpu/kv_rows-inl.h"
#include "cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Rows, and positions or vectors of elements, whose sums fit in the registers together.
inline constexpr int kScoreRows = 4, kScoreCols = HWY_TARGET == HWY_AVX3 ? 4 : 1;
inline constexpr int kTileRows = 16;
inline constexpr std::int64_t kKeys = 4;     // positions of K turned at a time
inline constexpr std::int64_t kValues = 64;  // elements of V turned at a time
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A head of a token on its way through the pages.
struct AttentionRow {
  const float* q = nullptr;
  float* out = nullptr;        // o
  std::int64_t first = 0;      // the first position that it sees
  std::int64_t last = 0;       // its own, the last
  float largest = -kInfinity;  // m
  float sum = 0;

  // The positions of a page that it sees, by their number in the page; perhaps none.
  HWY_INLINE Share seen_of(std::int64_t page) const {
    const std::int64_t start = page * kKvPage;
    return {std::max<std::int64_t>(first - start, 0),
            std::min<std::int64_t>(last + 1 - start, kKvPage)};
  }
};

// Rows of one lane that read the same head of K and V, and what they need for a page.
struct AttentionTile {
  // Rows rows.first .. rows.last - 1 of lane number i and a head of K and V; they are ordered by
  // token, then by head.
  AttentionTile(const AttentionArgs& arguments, std::size_t i, std::int64_t head_of_kv,
                Share rows_of_lane);

  const AttentionArgs& args;
  const KvLane& lane;
  std::int64_t kv_head, k_dim, v_dim;
  Share k_bytes, v_bytes;  // of a row, those of the head
  int n_rows;
  AttentionRow rows[kTileRows];
  Share seen[kTileRows] = {};
  float decay[kTileRows] = {};           // c
  float score[kTileRows][kKvPage] = {};  // s, then e
  float keys[kKeys][kMaxAttentionDim];   // zeros behind k_dim, to a whole vector
  float values[kKvPage][kValues] = {};
};

inline Share bytes_of_head(DType type, std::int64_t head, std::int64_t dim) {
  const DTypeInfo& info = dtype_info(type);
  return {head * dim * info.block_bytes / info.block_elems,
          (head + 1) * dim * info.block_bytes / info.block_elems};
}

HWY_INLINE AttentionTile::AttentionTile(const AttentionArgs& arguments, std::size_t i,
                                        std::int64_t head_of_kv, Share rows_of_lane)
    : args(arguments),
      lane(args.kv.lanes[i]),
      kv_head(head_of_kv),
      k_dim(args.q.n / args.n_head),
      v_dim(args.out.n / args.n_head),
      k_bytes(bytes_of_head(args.kv.pages.type, kv_head, k_dim)),
      v_bytes(bytes_of_head(args.kv.pages.type, kv_head, v_dim)),
      n_rows(static_cast<int>(rows_of_lane.last - rows_of_lane.first)) {
  const std::int64_t group = args.n_head / args.n_head_kv;
  for (int r = 0; r < n_rows; ++r) {
    const std::int64_t k = (rows_of_lane.first + r) / group;  // of the lane's tokens
    const std::int64_t head = kv_head * group + (rows_of_lane.first + r) % group;
    const std::int64_t t = args.lanes[i].first_token + k, pos = lane.pos + k;
    rows[r] = {.q = args.q.token(t) + head * k_dim,
               .out = args.out.token(t) + head * v_dim,
               .first = args.window > 0 ? std::max<std::int64_t>(pos - args.window + 1, 0) : 0,
               .last = pos};
    std::fill_n(rows[r].out, v_dim, 0.0f);
  }
}

// Vectors of elements of any type in rows, `stride` elements from each other.
template <class Type>
struct Rows {
  const typename Type::Element* first;
  std::int64_t stride;

  HWY_INLINE Rows from(std::int64_t row) const { return {first + row * stride, stride}; }
  HWY_INLINE V16 get(std::int64_t row, std::int64_t i, std::int64_t count = kLanes) const {
    return load_first_of<Type>(first + row * stride + i, count);
  }
};

// The next `count` elements of q . k.
template <class Type, int kR>
HWY_INLINE void add_products(const AttentionRow* rows, Rows<Type> keys, std::int64_t d,
                             std::int64_t count, V16 (&sums)[kR * kScoreCols]) {
  V16 k[kScoreCols];
  for (int c = 0; c < kScoreCols; ++c) k[c] = keys.get(c, d, count);
  for (int r = 0; r < kR; ++r) {
    const V16 q = load_first(rows[r].q + d, count);
    V16* sum = sums + r * kScoreCols;
    for (int c = 0; c < kScoreCols; ++c) sum[c] = fma(q, k[c], sum[c]);
  }
}

// q . k for kR rows and kScoreCols keys.
template <class Type, int kR>
HWY_NOINLINE void score_tile(AttentionTile& tile, int row, Rows<Type> keys, std::int64_t position) {
  V16 sums[kR * kScoreCols];
  for (V16& sum : sums) sum = zeros();
  std::int64_t d = 0;
  for (; d + kLanes <= tile.k_dim; d += kLanes) {
    add_products<Type, kR>(tile.rows + row, keys, d, kLanes, sums);
  }
  if (d < tile.k_dim) add_products<Type, kR>(tile.rows + row, keys, d, tile.k_dim - d, sums);
  float totals[kR * kScoreCols];
  sum_each(sums, totals);
  for (int r = 0; r < kR; ++r) {
    const float* total = totals + r * kScoreCols;
    for (int c = 0; c < kScoreCols; ++c) tile.score[row + r][position + c] = total[c];
  }
}

// q . k for all rows and a group of keys.
template <class Type>
HWY_INLINE void score_keys(AttentionTile& tile, Rows<Type> keys, std::int64_t position) {
  for (std::int64_t key = 0; key < kKeys; key += kScoreCols) {
    int row = 0;
    for (; row + kScoreRows <= tile.n_rows; row += kScoreRows) {
      score_tile<Type, kScoreRows>(tile, row, keys.from(key), position + key);
    }
    for (; row + 2 <= tile.n_rows; row += 2) {
      score_tile<Type, 2>(tile, row, keys.from(key), position + key);
    }
    for (; row < tile.n_rows; ++row) {
      score_tile<Type, 1>(tile, row, keys.from(key), position + key);
    }
  }
}

// Whether rows of pages are used where they lie; else they are turned into floats for all rows of a
// tile at once.
template <class Type>
HWY_INLINE bool used_in_place(const AttentionTile& tile) {
  return !std::is_same_v<Type, KvQ8_0> && (std::is_same_v<Type, F32> || tile.n_rows <= kScoreRows);
}
template <class Type>
HWY_INLINE Rows<Type> rows_in_place(const std::byte* rows, std::uint64_t row_bytes,
                                    std::int64_t first) {
  using Element = typename Type::Element;
  return {reinterpret_cast<const Element*>(rows) + first,
          static_cast<std::int64_t>(row_bytes / sizeof(Element))};
}

HWY_INLINE void prefetch(const std::byte* row, Share bytes) {
  for (std::int64_t i = bytes.first; i < bytes.last; i += 64) __builtin_prefetch(row + i, 0, 2);
}

// q . k for all rows and the positions `seen`, rounded to whole groups of keys: what a row does not
// see is not used.
// On the way the page's rows of V and the next page's rows of K are brought closer.
template <class Type>
HWY_INLINE void score_page(AttentionTile& tile, const PageRows& rows, const std::byte* next_k,
                           Share seen) {
  const std::uint64_t row_bytes = tile.args.kv.pages.k_bytes;
  const std::uint64_t v_row_bytes = tile.args.kv.pages.v_bytes;
  const std::int64_t head = tile.kv_head * tile.k_dim;
  for (std::int64_t i = seen.first / kKeys * kKeys; i < seen.last; i += kKeys) {
    const auto first = static_cast<std::uint64_t>(i);
    const std::byte* keys = rows.k + first * row_bytes;
    for (std::uint64_t row = first; row < first + kKeys; ++row) {
      prefetch(rows.v + row * v_row_bytes, tile.v_bytes);
      if (next_k) prefetch(next_k + row * row_bytes, tile.k_bytes);
    }
    if constexpr (!std::is_same_v<Type, KvQ8_0>) {
      if (used_in_place<Type>(tile)) {
        score_keys(tile, rows_in_place<Type>(keys, row_bytes, head), i);
        continue;
      }
    }
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      KvRow<Type>::load(keys + key * row_bytes, head, tile.k_dim, tile.keys[key]);
    }
    score_keys(tile, Rows<F32>{tile.keys[0], kMaxAttentionDim}, i);
  }
}

// The scores of sixteen positions from `first` on; minus infinity where the row does not see them.
HWY_INLINE V16 seen_scores(const AttentionArgs& args, const float* score, std::int64_t first,
                           Share seen) {
  static constexpr float kNumbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  V16 s = mul(load(score + first), broadcast(args.scale));
  if (args.score_cap > 0) {
    const V16 cap = broadcast(args.score_cap);
    s = mul(cap, tanh(div(s, cap)));
  }
  const V16 number = add(load(kNumbers), broadcast(static_cast<float>(first)));
  const V16 none = broadcast(-kInfinity);
  s = if_greater(broadcast(static_cast<float>(seen.last)), number, s, none);
  return if_greater(number, broadcast(static_cast<float>(seen.first) - 0.5f), s, none);
}

// Scores to weights, relative to the largest score so far.
HWY_INLINE void weigh_page(AttentionTile& tile, int r) {
  AttentionRow& row = tile.rows[r];
  float* score = tile.score[r];
  const V16 low = seen_scores(tile.args, score, 0, tile.seen[r]);
  const V16 high = seen_scores(tile.args, score, kLanes, tile.seen[r]);
  const float largest = std::max(row.largest, max_lane(at_least(low, high)));
  const V16 e_low = exp(sub(low, broadcast(largest))), e_high = exp(sub(high, broadcast(largest)));
  float decay[16] = {1};  // what exp gives for 0
  if (row.largest != largest) store(exp(sub(broadcast(row.largest), broadcast(largest))), decay);
  store(e_low, score);
  store(e_high, score + kLanes);
  tile.decay[r] = decay[0];
  row.largest = largest;
  row.sum = sum_lanes(add(e_low, e_high)) + row.sum * decay[0];
}

// o = fma(o, c, sum_i e[i] v[i]) for kR rows that see the same: `count` elements from d on, no more
// than kScoreCols vectors.
template <class Type, int kR>
HWY_NOINLINE void value_tile(AttentionTile& tile, int row, Rows<Type> values, std::int64_t d,
                             std::int64_t count) {
  std::int64_t n[kScoreCols];  // elements of each vector
  V16 sums[kR][kScoreCols];
  for (int c = 0; c < kScoreCols; ++c) {
    n[c] = std::clamp<std::int64_t>(count - c * kLanes, 0, kLanes);
    for (int r = 0; r < kR; ++r) sums[r][c] = zeros();
  }
  for (std::int64_t i = tile.seen[row].first; i < tile.seen[row].last; ++i) {
    V16 v[kScoreCols];
    for (int c = 0; c < kScoreCols; ++c) v[c] = values.get(i, c * kLanes, n[c]);
    for (int r = 0; r < kR; ++r) {
      const V16 e = broadcast(tile.score[row + r][i]);
      for (int c = 0; c < kScoreCols; ++c) sums[r][c] = fma(e, v[c], sums[r][c]);
    }
  }
  for (int r = 0; r < kR; ++r) {
    for (int c = 0; c < kScoreCols; ++c) {
      float* out = tile.rows[row + r].out + d + c * kLanes;
      const V16 o = fma(load_first(out, n[c]), broadcast(tile.decay[row + r]), sums[r][c]);
      store_first(o, out, n[c]);
    }
  }
}

// How many rows from `row` on see the same, kScoreRows or 2 or 1 of them.
HWY_INLINE int n_that_see_the_same(const AttentionTile& tile, int row) {
  int n = 1;
  while (n < kScoreRows && row + n < tile.n_rows &&
         tile.seen[row + n].first == tile.seen[row].first &&
         tile.seen[row + n].last == tile.seen[row].last) {
    ++n;
  }
  return n == kScoreRows ? n : n >= 2 ? 2 : 1;
}

// The same for all rows of the tile and any count.
template <class Type>
HWY_INLINE void value_rows(AttentionTile& tile, Rows<Type> values, std::int64_t d,
                           std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += kScoreCols * kLanes) {
    const Rows<Type> part = {values.first + i, values.stride};
    for (int row = 0, n = 0; row < tile.n_rows; row += n) {
      n = n_that_see_the_same(tile, row);
      if (tile.seen[row].first >= tile.seen[row].last) continue;
      if (n == kScoreRows) value_tile<Type, kScoreRows>(tile, row, part, d + i, count - i);
      if (n == 2) value_tile<Type, 2>(tile, row, part, d + i, count - i);
      if (n == 1) value_tile<Type, 1>(tile, row, part, d + i, count - i);
    }
  }
}

template <class Type>
HWY_INLINE void add_values(AttentionTile& tile, const std::byte* rows_of_v, Share seen) {
  const std::uint64_t row_bytes = tile.args.kv.pages.v_bytes;
  for (std::int64_t d = 0; d < tile.v_dim; d += kValues) {
    const std::int64_t first = tile.kv_head * tile.v_dim + d;
    const std::int64_t count = std::min(tile.v_dim - d, kValues);
    if constexpr (!std::is_same_v<Type, KvQ8_0>) {
      if (used_in_place<Type>(tile)) {
        value_rows(tile, rows_in_place<Type>(rows_of_v, row_bytes, first), d, count);
        continue;
      }
    }
    for (std::int64_t i = seen.first; i < seen.last; ++i) {
      KvRow<Type>::load(rows_of_v + static_cast<std::uint64_t>(i) * row_bytes, first, count,
                        tile.values[i]);
    }
    value_rows(tile, Rows<F32>{tile.values[0], kValues}, d, count);
  }
}

template <class Type>
HWY_INLINE void attend_page(AttentionTile& tile, std::int64_t page, bool is_last) {
  Share all = {kKvPage, 0};  // what any row sees
  for (int r = 0; r < tile.n_rows; ++r) {
    const Share seen = tile.seen[r] = tile.rows[r].seen_of(page);
    if (seen.first >= seen.last) continue;
    all = {std::min(all.first, seen.first), std::max(all.last, seen.last)};
  }
  const KvPages& pages = tile.args.kv.pages;
  const PageRows rows = page_rows(pages, tile.lane, page);
  const std::byte* next_k = is_last ? nullptr : page_rows(pages, tile.lane, page + 1).k;
  score_page<Type>(tile, rows, next_k, all);
  for (int r = 0; r < tile.n_rows; ++r) {
    if (tile.seen[r].first < tile.seen[r].last) weigh_page(tile, r);
  }
  add_values<Type>(tile, rows.v, all);
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
