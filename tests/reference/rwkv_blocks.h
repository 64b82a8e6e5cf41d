// What the references of the RWKV family share, one token at a time.
#pragma once

#include "reference/blocks.h"

namespace eddy::reference {

double sigmoid(double v);

// f(x + bias) for each element; bias may be empty.
Vector sigmoid(const Vector& x, const Vector& bias, Noise& noise);
Vector tanh(const Vector& x, Noise& noise);
Vector relu_squared(const Vector& x, Noise& noise);

// (x - mean) / sqrt(var + eps) * weight + bias
Vector layer_norm(const Vector& x, const Vector& weight, const Vector& bias, double eps,
                  Noise& noise);

// The same over each head of head_size elements.
Vector group_norm(const Vector& x, const Vector& weight, const Vector& bias, std::size_t head_size,
                  Noise& noise);

// before - x; x takes the place of `before`.
Vector token_shift(const Vector& x, Vector& before, Noise& noise);

// x + delta lerp
Vector lerp(const Vector& x, const Vector& delta, const Vector& lerp, Noise& noise);

// x y, element by element.
Vector times(const Vector& x, const Vector& y, Noise& noise);

// up f(down x) for the two matrices of a LoRA, f: tanh, sigmoid or nothing.
enum class Between { kNothing, kTanh, kSigmoid };
Vector lora(const Tensor& down, const Tensor& up, Between f, const Vector& x, Noise& noise);

// down(silu(gate x) (.) (up x))
Vector swiglu(const Tensor& gate, const Tensor& up, const Tensor& down, const Vector& x,
              Noise& noise);

// Both recurrences of one token; r, w, k, v, a, b {S H}; s {S, S, H} is updated.
// RWKV-6: s[h][i][j] with i a key's index; y reads the old state and the bonus u.
// Without u (gated linear attention) y = S^-1/2 sum_i r[i] s[i][j] reads the new one.
struct Wkv6 {
  const Vector& r;
  const Vector& w;
  const Vector& k;
  const Vector& v;
  const Vector& u;
  std::size_t head_size;
};
Vector wkv6(const Wkv6& args, Vector& s, Noise& noise);

// RWKV-7: s[h][i][j] with i a value's index; y reads the new state.
struct Wkv7 {
  const Vector& r;
  const Vector& w;
  const Vector& k;
  const Vector& v;
  const Vector& a;
  const Vector& b;
  std::size_t head_size;
};
Vector wkv7(const Wkv7& args, Vector& s, Noise& noise);

}  // namespace eddy::reference
