// What the references of several architectures share.
#pragma once

#include <span>
#include <vector>

#include "eddy/types.h"
#include "reference/noise.h"
#include "reference/tensors.h"

namespace eddy::reference {

using Vector = std::vector<double>;

double silu(double v);
double softplus(double v);

// Elements first .. first + count - 1.
Vector slice(const Vector& x, std::size_t first, std::size_t count);

// x += y
void add(Vector& x, const Vector& y, Noise& noise);

// x *= silu(gate)
void gate_with(Vector& x, const Vector& gate, Noise& noise);

// weight x, weight {n_in, n_out}.
Vector linear(const Tensor& weight, const Vector& x, Noise& noise);

// x / sqrt(mean(x^2) + eps) * weight; weight may be empty.
Vector rms_norm(const Vector& x, const Vector& weight, double eps, Noise& noise);

// Depthwise convolution of one token, then SiLU. window {n, d_conv}: the oldest input first; it is
// shifted by one and gets x as its newest.
Vector short_conv(const Tensor& weight, const Tensor& bias, const Vector& x, Vector& window,
                  Noise& noise);

// The first and the last tensors of a model.
struct Ends {
  Tensor token_embd;  // {n_embd, n_vocab}
  Tensor norm;        // {n_embd}
  Tensor output;      // {n_embd, n_vocab}; a copy of token_embd where the file has none
};
Ends read_ends(const GgufFile& file);
Vector embed(const Ends& ends, Token token);

// output x: the logits {n_vocab}.
Vector project(const Ends& ends, const Vector& x, Noise& noise);

}  // namespace eddy::reference
