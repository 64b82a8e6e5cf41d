// exp, expm1, softplus, sigmoid, SiLU, GELU and tanh on sixteen lanes, by polynomials and fused
// multiply-adds: the same bits on every instruction set. Errors are at most 2 units in the last
// place, of sigmoid 2.4 (the accuracy of activate in tests/cpu/ops_test.cpp); results below the
// normal range are rounded as IEEE says, and SiLU's lose what a denormal e^x has lost; NaN gives
// NaN.
//
// Included once for each target of hwy/foreach_target.h.
#if defined(EDDY_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EDDY_CPU_MATH_INL_H_
#undef EDDY_CPU_MATH_INL_H_
#else
#define EDDY_CPU_MATH_INL_H_
#endif

#include "cpu/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace eddy {
namespace HWY_NAMESPACE {

// 1.5 * 2^23. Added to x, |x| < 2^22, it leaves x rounded to the nearest integer, ties to even, in
// the low bits; taken away again it leaves that integer.
inline constexpr float kRounder = 0x1.8p23f;

// x = n ln 2 + r for whole n and |r| <= 0.347, and 1 + r q, which is (e^r - 1) / r:
// q by Remez's exchange; error of r^2 q relative to e^r 3.1e-9.
struct ReducedExp {
  V16 n, r, slope;
  I16 n_int;
};
EDDY_CALL ReducedExp reduced_exp(V16 x) {
  const V16 shifted = fma(x, broadcast(0x1.715476p+0f), broadcast(kRounder));
  const V16 n = sub(shifted, broadcast(kRounder));
  V16 r = fma(n, broadcast(-0x1.62e43p-1f), x);  // exact
  r = fma(n, broadcast(0x1.05c61p-29f), r);
  V16 q = broadcast(0x1.6a2328p-10f);
  q = fma(q, r, broadcast(0x1.123a8ep-7f));
  q = fma(q, r, broadcast(0x1.5558f6p-5f));
  q = fma(q, r, broadcast(0x1.55549p-3f));
  q = fma(q, r, broadcast(0x1.fffffcp-2f));
  return {n, r, fma(q, r, broadcast(1.0f)), sub_int(bits(shifted), bits(broadcast(kRounder)))};
}

// e^x = 2^n (1 + r slope); 0 below -104, infinity from 88.73 on.
EDDY_CALL V16 exp(V16 x) {
  const ReducedExp e = reduced_exp(at_most(broadcast(89.0f), at_least(broadcast(-104.0f), x)));
  return scale_by_power(fma(e.slope, e.r, broadcast(1.0f)), e.n, e.n_int);
}

// Whether every |x| <= 87; NaN is not.
EDDY_LANES bool is_small(V16 x) { return !any_greater(bits(abs(x)), bits(broadcast(87.0f))); }
// e^x with the bits of exp(), sooner, of what is small: then e^x is in the normal range, and 2^n is
// an addition to the exponent.
EDDY_CALL V16 exp_of_small(V16 x) {
  const ReducedExp e = reduced_exp(x);
  return from_bits(add_int(bits(fma(e.slope, e.r, broadcast(1.0f))), shift_left(e.n_int, 23)));
}

// e^x - 1 = 2^n r slope + (2^n - 1) for x <= 0.
EDDY_CALL V16 expm1(V16 x) {
  const ReducedExp e = reduced_exp(at_least(broadcast(-104.0f), x));
  const V16 power = scale_by_power(broadcast(1.0f), e.n, e.n_int);
  return fma(power, mul(e.r, e.slope), sub(power, broadcast(1.0f)));
}

// log(1 + u) for 0 <= u <= 1.
//   u < 1/2: f = u, k = 0; else f = (u - 1) / 2, which is exact, k = 1
//   s = f / (2 + f), z = s^2:  log(1 + f) = f - f^2/2 + s (f^2/2 + z p(z)),  + k ln 2
// p by Remez's exchange on [0, 0.04]; error of z p(z) below 5e-11.
EDDY_CALL V16 log1p(V16 u) {
  const V16 half = broadcast(0.5f);
  const V16 f = if_greater(half, u, u, mul(sub(u, broadcast(1.0f)), half));
  const V16 k = if_greater(half, u, zeros(), broadcast(1.0f));
  const V16 s = div(f, add(f, broadcast(2.0f)));
  const V16 z = mul(s, s);
  V16 p = broadcast(0x1.eda37ep-3f);
  p = fma(p, z, broadcast(0x1.23e8dcp-2f));
  p = fma(p, z, broadcast(0x1.999bep-2f));
  p = fma(p, z, broadcast(0x1.555554p-1f));
  const V16 half_square = mul(mul(f, f), half);
  const V16 correction = fma(k, broadcast(-0x1.05c61p-29f), mul(s, fma(z, p, half_square)));
  return fma(k, broadcast(0x1.62e43p-1f), sub(f, sub(half_square, correction)));
}

// log(1 + e^x), as max(x, 0) + log(1 + e^-|x|).
EDDY_CALL V16 softplus(V16 x) {
  const V16 tail = log1p(exp(sub(zeros(), abs(x))));
  return add(at_least(zeros(), x), tail);
}

// x / (1 + e^-x); -0 from -200 down.
EDDY_CALL V16 silu(V16 x) {
  x = at_least(broadcast(-200.0f), x);
  const V16 e = exp(sub(zeros(), abs(x)));
  return div(if_greater(x, zeros(), x, mul(x, e)), add(e, broadcast(1.0f)));
}

// 1 / (1 + e^-x).
EDDY_CALL V16 sigmoid(V16 x) {
  const V16 one = broadcast(1.0f), e = exp(sub(zeros(), abs(x)));
  return div(if_greater(x, zeros(), one, e), add(e, one));
}

// |x| < 0.5625: x + x z p(z), z = x^2, p by Remez's exchange, relative error 1.4e-9;
// else 1 - 2 / (e^2|x| + 1) with the sign of x.
EDDY_CALL V16 tanh(V16 x) {
  const V16 one = broadcast(1.0f), size = abs(x), z = mul(x, x);
  V16 p = broadcast(-0x1.95001cp-8f);
  p = fma(p, z, broadcast(0x1.582fbp-6f));
  p = fma(p, z, broadcast(-0x1.b90946p-5f));
  p = fma(p, z, broadcast(0x1.110c72p-3f));
  p = fma(p, z, broadcast(-0x1.555548p-2f));
  const V16 near = fma(mul(x, z), p, x);
  const V16 far = sub(one, div(broadcast(2.0f), add(exp(add(size, size)), one)));
  const V16 signed_far = if_greater(zeros(), x, sub(zeros(), far), far);
  return if_greater(broadcast(0.5625f), size, near, signed_far);
}

// GELU by tanh (Hendrycks & Gimpel 2016): x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which
// is x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)).
EDDY_CALL V16 gelu_tanh(V16 x) {
  const V16 inner = fma(mul(x, x), broadcast(0x1.2444f2p-4f), broadcast(0x1.988454p+0f));
  return mul(x, sigmoid(mul(x, inner)));
}

}  // namespace HWY_NAMESPACE
}  // namespace eddy
HWY_AFTER_NAMESPACE();

#endif  // per target
