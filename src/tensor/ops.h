// The list of ops: what a backend computes, each with its formula, shapes and source.
//
// Law 1 binds every op: the result for a token depends on that token, its lane's earlier tokens and
// its lane's state alone, bit for bit; not on other lanes, on how a lane was cut, on threads or the
// instruction set. Reductions run over sixteen lanes (element i goes to lane i mod 16, in rising
// order, by fused multiply-add) and then one fixed tree: 8, 4, 2, 1.
//
// Shapes are checked by the caller (models/ against the file); an op returns an error only for what
// it cannot compute: a weight type, or state rows that lie in another device's memory; or for want
// of room that was not reserved.
#pragma once

#include <cstdint>
#include <span>

#include "eddy/result.h"
#include "eddy/types.h"
#include "tensor/tensor.h"

namespace eddy {

// out[t] = row tokens[t] of table, as F32.
struct EmbedArgs {
  Weight table;                   // {n_embd, n_vocab}
  std::span<const Token> tokens;  // n_tokens, each inside the vocabulary
  Mat out;                        // {n_embd, n_tokens}
};

// out[t] = x[indices[t]].
struct SelectArgs {
  ConstMat x;                             // {n, n_tokens}
  std::span<const std::int32_t> indices;  // n_selected
  Mat out;                                // {n, n_selected}
};

// RMSNorm (Zhang & Sennrich 2019) over groups of group_size elements:
//   out = x / sqrt(mean(x^2) + eps) * weight
struct RmsNormArgs {
  ConstMat x;                     // {n, n_tokens}
  std::span<const float> weight;  // n, or empty for none
  std::int64_t group_size = 0;    // divides n
  float eps = 0;
  Mat out;  // {n, n_tokens}; may be x
};

// The gated norm of Mamba-2 (Dao & Gu 2024, section 7): RmsNorm(silu(gate) * x).
struct GatedRmsNormArgs {
  ConstMat x;                     // {n, n_tokens}
  ConstMat gate;                  // {n, n_tokens}
  std::span<const float> weight;  // n
  std::int64_t group_size = 0;    // divides n
  float eps = 0;
  Mat out;  // {n, n_tokens}; may be x
};

// out = weight x (+ out): every row of the weight is read once for all tokens.
// Quantised weights are multiplied in int8: a token's x is quantised by blocks of 32 first.
struct LinearArgs {
  Weight weight;            // {n_in, n_out}
  ConstMat x;               // {n_in, n_tokens}
  Mat out;                  // {n_out, n_tokens}
  bool accumulate = false;  // add to what out holds (a residual)
};

// Causal depthwise convolution over time, then SiLU; the state is the last d_conv - 1 inputs.
//   out[t, c] = silu(bias[c] + sum_k weight[k, c] * x[t - (d_conv - 1) + k, c])
// Inputs pass through the state's element type before they are used, so that a cut changes nothing.
struct ShortConvArgs {
  ConstMat x;                     // {n_channels, n_tokens}
  std::span<const float> weight;  // {n_channels, d_conv}: channel contiguous, the oldest tap first
  std::span<const float> bias;    // n_channels
  std::int64_t d_conv = 0;        // at least 2
  std::span<const Lane> lanes;
  StateRows state;  // S, rows of short_conv_state_elems(n_channels, d_conv)
  Mat out;          // {n_channels, n_tokens}; not x
};

// Selective scan of Mamba (Gu & Dao 2023, algorithm 2), with skip and gate:
//   d = softplus(dt[c] + dt_bias[c]);  s[c, n] = exp(d * a[c, n]) * s[c, n] + d * x[c] * b[n]
//   out[c] = silu(gate[c]) * (sum_n s[c, n] * c[n] + skip[c] * x[c])
// With a state of F16 or BF16 the state is rounded after each token.
struct SelectiveScanArgs {
  ConstMat x;                      // {d_inner, n_tokens}
  ConstMat dt;                     // {d_inner, n_tokens}, before bias and softplus
  ConstMat b, c;                   // {d_state, n_tokens}
  ConstMat gate;                   // {d_inner, n_tokens}
  std::span<const float> dt_bias;  // d_inner
  std::span<const float> a;        // {d_inner, d_state}: channel contiguous; negative
  std::span<const float> skip;     // d_inner (D of the paper)
  std::span<const Lane> lanes;
  StateRows state;  // R, rows of selective_scan_state_elems(d_inner, d_state)
  Mat out;          // {d_inner, n_tokens}
};

// The recurrence of Mamba-2 (Dao & Gu 2024), one decay for each head h; head h uses group
// h / (n_head / n_group):
//   d = softplus(dt[h] + dt_bias[h]);  s[h, p, n] = exp(d * a[h]) * s[h, p, n] + d * x[h, p] * b[g,
//   n] out[h, p] = sum_n s[h, p, n] * c[g, n] + skip[h] * x[h, p]
struct SsdScanArgs {
  ConstMat x;                      // {n_head * head_dim, n_tokens}
  ConstMat dt;                     // {n_head, n_tokens}, before bias and softplus
  ConstMat b, c;                   // {n_group * d_state, n_tokens}
  std::span<const float> dt_bias;  // n_head
  std::span<const float> a;        // n_head, negative
  std::span<const float> skip;     // n_head
  std::int64_t n_head = 0, head_dim = 0, n_group = 0, d_state = 0;
  std::span<const Lane> lanes;
  StateRows state;  // R, rows of ssd_scan_state_elems(n_head, head_dim, d_state)
  Mat out;          // {n_head * head_dim, n_tokens}
};

// Elements of a state row. The order inside a row is the kernel's own matter.
std::uint64_t short_conv_state_elems(std::int64_t n_channels, std::int64_t d_conv);
std::uint64_t selective_scan_state_elems(std::int64_t d_inner, std::int64_t d_state);
std::uint64_t ssd_scan_state_elems(std::int64_t n_head, std::int64_t head_dim,
                                   std::int64_t d_state);

// A backend: one object for each device and thread pool. Calls are made by one thread, in order.
class Ops {
 public:
  virtual ~Ops() = default;

  virtual const Device& device() const = 0;
  virtual bool can_multiply(DType weight) const = 0;  // in embed and linear

  // Makes room for such a call: after it no call with this type of weight and no more elements of x
  // allocates. Shapes count; data is not looked at. A call without its room makes it, or fails.
  // kOutOfMemory.
  virtual Status reserve(const LinearArgs&) { return {}; }

  virtual Status embed(const EmbedArgs& args) = 0;
  virtual Status select(const SelectArgs& args) = 0;
  virtual Status rms_norm(const RmsNormArgs& args) = 0;
  virtual Status gated_rms_norm(const GatedRmsNormArgs& args) = 0;
  virtual Status linear(const LinearArgs& args) = 0;
  virtual Status short_conv(const ShortConvArgs& args) = 0;
  virtual Status selective_scan(const SelectiveScanArgs& args) = 0;
  virtual Status ssd_scan(const SsdScanArgs& args) = 0;
};

}  // namespace eddy
