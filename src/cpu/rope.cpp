// Rotary position embedding (Su et al. 2021), in place. Pair (a, b) number d of a head, at position
// p:
//   phase = p turns[d] modulo 2^64;  a = fma(a, cos, -(b sin));  b = fma(a, sin, b cos)
// sin and cos are computed in double and rounded once. x {n_head * head_dim, n_tokens}. Moves 8
// bytes for each element that turns; 3 flops for each, and some 40 for each pair of a token.
#include "cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/rope.cpp"
#include <hwy/foreach_target.h>

#include "cpu/angle.h"
#include "cpu/kernels.h"
#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// Pairs first .. first + count - 1 of one head. Neighbours are taken apart and put together again.
HWY_INLINE void turn(float* head, const RopeArgs& args, std::int64_t first, std::int64_t count,
                     const float (&cosines)[16], const float (&sines)[16]) {
  const auto n_pairs = static_cast<std::int64_t>(args.turns.size());
  float a[16] = {}, b[16] = {};
  const bool is_halves = args.pairs == RopePairs::kHalves;
  const std::int64_t step = is_halves ? 1 : 2, apart = is_halves ? n_pairs : 1;
  float* p = head + first * step;
  for (std::int64_t i = 0; i < count; ++i) {
    a[i] = p[i * step];
    b[i] = p[i * step + apart];
  }
  const V16 va = load(a), vb = load(b), cos = load(cosines), sin = load(sines);
  store(fma(va, cos, sub(zeros(), mul(vb, sin))), a);
  store(fma(va, sin, mul(vb, cos)), b);
  for (std::int64_t i = 0; i < count; ++i) {
    p[i * step] = a[i];
    p[i * step + apart] = b[i];
  }
}

HWY_INLINE void turn_token(const RopeArgs& args, std::int64_t t, std::int64_t pos) {
  const auto n_pairs = static_cast<std::int64_t>(args.turns.size());
  const std::int64_t head_dim = args.x.n / args.n_head;
  for (std::int64_t first = 0; first < n_pairs; first += kLanes) {
    const std::int64_t count = n_pairs - first < kLanes ? n_pairs - first : kLanes;
    float cosines[16] = {}, sines[16] = {};
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint64_t turns = args.turns[static_cast<std::size_t>(first + i)];
      const Angle angle = angle_of(static_cast<std::uint64_t>(pos) * turns);
      cosines[i] = angle.cos;
      sines[i] = angle.sin;
    }
    for (std::int64_t h = 0; h < args.n_head; ++h) {
      turn(args.x.token(t) + h * head_dim, args, first, count, cosines, sines);
    }
  }
}

void rope(const RopeArgs& args, Share tokens) {
  for (std::size_t i = 0; i < args.lanes.size(); ++i) {
    const Lane& lane = args.lanes[i];
    for (std::int32_t k = 0; k < lane.n_tokens; ++k) {
      const std::int64_t t = lane.first_token + k;
      if (t < tokens.first || t >= tokens.last) continue;
      turn_token(args, t, std::int64_t{args.kv_lanes[i].pos} + k);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace eddy {
const Kernels<RopeArgs> kRope = EDDY_PER_ISA(rope);
}  // namespace eddy
#endif
