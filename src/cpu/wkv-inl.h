// What wkv6.cpp and wkv7.cpp share: the units of work, and the state of one head.
//
// A head's state is a square of head_size rows and columns. It lies column by column, and the rows
// of a column in sixteens: row i of column j is element 16 ceil(head_size / 16) j + i, which
// wkv_state_index() says too.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_WKV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_WKV_INL_H_
#undef EDDY_CPU_WKV_INL_H_
#else
#define EDDY_CPU_WKV_INL_H_
#endif

#include "cpu/kernels.h"
#include "cpu/state_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Rows and columns of the state of one head, in one lane.
template <class Type>
class HeadState {
 public:
  HWY_INLINE HeadState(const StateRows& rows, const Lane& lane, std::int64_t head,
                       std::int64_t head_size)
      : head_size_(head_size),
        n_groups_(n_sixteens(head_size)),
        first_(head * head_size * n_groups_ * kLanes),
        tile_(rows, lane, first_, kLanes),
        last_groups_(rows, lane, first_ + (n_groups_ - 1) * kLanes, n_groups_ * kLanes) {}

  HWY_INLINE std::int64_t n_groups() const { return n_groups_; }  // sixteens of rows
  HWY_INLINE V16 get(std::int64_t column, std::int64_t group) const {
    return tile_.get(column * n_groups_ + group);
  }
  HWY_INLINE void set(std::int64_t column, std::int64_t group, V16 v) const {
    tile_.set(column * n_groups_ + group, v);
  }
  // As StateTile's.
  EDDY_LANES V16 rounded(V16 v, std::int64_t t, std::int64_t column, std::int64_t group) const {
    return tile_.rounded(v, t, column * n_groups_ + group);
  }
  HWY_INLINE void turn() { tile_.turn(); }
  HWY_INLINE void clear_behind() const {
    last_groups_.clear_behind(n_in_sixteen(head_size_, n_groups_ - 1), head_size_);
  }

 private:
  std::int64_t head_size_, n_groups_, first_;
  StateTile<Type> tile_;
  StateTile<Type> last_groups_;  // the last sixteen rows of every column
};

// kPiece(args, piece of a lane, head) for every unit h n + i of the share: head h of lane i of the
// n that begin anew; those that go on from it are worked off with it.
template <class Args, void (*kPiece)(const Args&, const Lane&, std::int64_t)>
HWY_INLINE void each_head_of_lanes(const Args& args, Share units) {
  const std::int64_t n = n_chains(args.lanes);
  std::int64_t i = -1;
  for (std::size_t number = 0; number < args.lanes.size(); ++number) {
    const Lane& lane = args.lanes[number];
    if (!goes_on(args.lanes, number)) ++i;
    const std::int64_t first = (units.first - i + n - 1) / n;
    const std::int64_t last = (units.last - i + n - 1) / n;
    for (std::int32_t t = 0; t < lane.n_tokens; t += kPieceTokens) {
      const Lane piece = piece_of(lane, t);
      for (std::int64_t head = first; head < last; ++head) kPiece(args, piece, head);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
