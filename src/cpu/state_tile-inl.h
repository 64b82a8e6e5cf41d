// The part of a state row that one unit of an op reads and writes: vectors of sixteen elements, at
// a fixed stride.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_STATE_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_STATE_TILE_INL_H_
#undef EDDY_CPU_STATE_TILE_INL_H_
#else
#define EDDY_CPU_STATE_TILE_INL_H_
#endif

#include <type_traits>

#include "cpu/chance-inl.h"
#include "cpu/elements-inl.h"
#include "tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Long lanes are worked off in pieces of so many tokens, all units for each piece: what the units
// of a thread read of a piece stays in the cache, and pages are not visited again and again.
inline constexpr std::int32_t kPieceTokens = 32;

// The piece of a lane that begins with its token t; t rises from 0. After the first piece the lane
// goes on from its own destination.
HWY_INLINE Lane piece_of(const Lane& lane, std::int32_t t) {
  const std::int32_t n_left = lane.n_tokens - t;
  return {.first_token = lane.first_token + t,
          .n_tokens = n_left < kPieceTokens ? n_left : kPieceTokens,
          .src = t == 0 ? lane.src : lane.dst,
          .dst = lane.dst,
          .pos = lane.pos + static_cast<std::uint32_t>(t)};
}

// Sixteen channels of a token are one cache line; those of a unit some units on come closer. A
// thread goes through the lines of a token one by one, but in between through all tokens of a
// piece, which is too many streams for the machine to foresee.
HWY_INLINE void prefetch_next_units(const float* p) { __builtin_prefetch(p + 4 * kLanes); }

// Reads from the source row until the destination holds something newer; without a source row,
// zeros. The destination's old content is never read unless it is the source.
template <class Type>
class StateTile {
 public:
  using Element = typename Type::Element;

  // Of the lane's rows, the elements from `first` on; vector n begins at n stride.
  HWY_INLINE StateTile(const StateRows& rows, const Lane& lane, std::int64_t first,
                       std::int64_t stride)
      : from_(lane.src == kZeroRow ? nullptr : elements(rows, lane.src) + first),
        to_(elements(rows, lane.dst) + first),
        stride_(stride),
        seed_(rows.chance),
        first_(static_cast<std::uint32_t>(first)),
        pos_of_0_(lane.pos - static_cast<std::uint32_t>(lane.first_token)) {}

  // Vector n; the first of `count` lanes, the others zero.
  EDDY_LANES V16 get(std::int64_t n, std::int64_t count = kLanes) const {
    return from_ ? load_first_of<Type>(from_ + n * stride_, count) : zeros();
  }
  EDDY_LANES void set(std::int64_t n, V16 v, std::int64_t count = kLanes) const {
    store_first_of<Type>(v, to_ + n * stride_, count);
  }

  // v, which follows token t, as it will come back from vector n.
  EDDY_LANES V16 rounded(V16 v, std::int64_t t, std::int64_t n) const {
    if constexpr (!std::is_same_v<Type, F32>) {
      if (HWY_UNLIKELY(seed_ != 0)) {
        const std::uint32_t hash = hash_of(seed_ + pos_of_0_ + static_cast<std::uint32_t>(t));
        return rounded_by_chance<Type>(v, hash, first_ + static_cast<std::uint32_t>(n * stride_));
      }
    }
    return rounded_to<Type>(v);
  }

  // From now on the vectors that were set are read. All must have been.
  HWY_INLINE void turn() { from_ = to_; }

  // Zeros behind the first `count` lanes of all vectors, which have been set.
  EDDY_LANES void clear_behind(std::int64_t count, std::int64_t n_vectors) const {
    if (count == kLanes) return;
    for (std::int64_t n = 0; n < n_vectors; ++n) {
      Type::store16(load_first_of<Type>(to_ + n * stride_, count), to_ + n * stride_);
    }
  }

 private:
  static HWY_INLINE Element* elements(const StateRows& rows, std::int32_t row) {
    return reinterpret_cast<Element*>(rows.host_row(row));
  }

  const Element* from_;
  Element* to_;
  std::int64_t stride_;
  std::uint32_t seed_, first_, pos_of_0_;  // of chance; the first element; position of token 0
};

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
