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
//
// An op with a state can leave its update inputs in a log (StateRows::log), and make the states
// again from them: tensor/update_inputs.h.
#pragma once

#include <cstdint>
#include <span>

#include "eddy/result.h"
#include "eddy/types.h"
#include "tensor/tensor.h"

namespace eddy {

// out[t] = scale * row tokens[t] of table, as F32.
struct EmbedArgs {
  Weight table;                   // {n_embd, n_vocab}
  std::span<const Token> tokens;  // n_tokens, each inside the vocabulary
  float scale = 1;
  Mat out;  // {n_embd, n_tokens}
};

// out[t] = x[indices[t]].
struct SelectArgs {
  ConstMat x;                             // {n, n_tokens}
  std::span<const std::int32_t> indices;  // n_selected
  Mat out;                                // {n, n_selected}
};

// RMSNorm (Zhang & Sennrich 2019) over groups of group_size elements:
//   out = x / sqrt(mean(x^2) + eps) * weight + bias
struct RmsNormArgs {
  ConstMat x;                        // {n, n_tokens}
  std::span<const float> weight;     // n, or empty for none
  std::span<const float> bias = {};  // n, or empty for none; none without a weight
  std::int64_t group_size = 0;       // divides n
  float eps = 0;
  Mat out;  // {n, n_tokens}; may be x
};

// LayerNorm (Ba et al. 2016): out = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias, with the
// variance over n.
struct LayerNormArgs {
  ConstMat x;                           // {n, n_tokens}
  std::span<const float> weight, bias;  // n
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

// out = weight x (+ bias) (+ out): every row of the weight is read once for all tokens.
// Quantised weights are multiplied in int8: a token's x is quantised by blocks of 32 first.
struct LinearArgs {
  Weight weight;                     // {n_in, n_out}
  ConstMat x;                        // {n_in, n_tokens}
  std::span<const float> bias = {};  // n_out, or empty for none
  Mat out;                           // {n_out, n_tokens}
  bool accumulate = false;           // add to what out holds (a residual)
};

// GELU is Gemma's, by tanh: v / 2 (1 + tanh(sqrt(2 / pi) (v + 0.044715 v^3))).
enum class Activation : std::uint8_t { kIdentity, kSigmoid, kSilu, kTanh, kReluSquared, kGelu };

// out = scale * f(x + bias).
struct ActivateArgs {
  ConstMat x;                        // {n, n_tokens}
  std::span<const float> bias = {};  // n, or empty for none
  Activation function = Activation::kIdentity;
  float scale = 1;
  Mat out;  // {n, n_tokens}; may be x
};

// A gate in front of x: out = f(gate) * x (+ out). SwiGLU (Shazeer 2020) is f = SiLU, GeGLU f =
// GELU.
struct GateArgs {
  ConstMat x;     // {n, n_tokens}
  ConstMat gate;  // {n, n_tokens}
  Activation function = Activation::kIdentity;
  bool accumulate = false;  // add to what out holds (a residual)
  Mat out;                  // {n, n_tokens}; may be x or gate
};

// x = cap * tanh(x / cap): numbers that stay within cap (Gemma's logits).
struct SoftCapArgs {
  Mat x;  // {n, n_tokens}
  float cap = 0;
};

// Causal depthwise convolution over time, then SiLU or nothing; the state is the last d_conv - 1
// inputs.
//   out[t, c] = silu(bias[c] + sum_k weight[k, c] * x[t - (d_conv - 1) + k, c])
// Inputs pass through the state's element type before they are used, so that a cut changes nothing.
struct ShortConvArgs {
  ConstMat x;                     // {n_channels, n_tokens}
  std::span<const float> weight;  // {n_channels, d_conv}: channel contiguous, the oldest tap first
  std::span<const float> bias;    // n_channels
  std::int64_t d_conv = 0;        // at least 2
  bool has_silu = true;
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
  std::span<const float> a;        // {16, d_state, d_inner / 16 rounded up}; negative, padding 0
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

// The token shift of RWKV (Peng et al. 2023, section 3.1), and what is mixed from it, for each of
// n_out vectors lerp[c]; before[t] is the input of the lane's token before t:
//   delta[t] = before[t] - x[t];  out[c, t] = x[t] + delta[t] * lerp[c]
// The state is the lane's last input. It passes through the state's element type before it is used,
// so that a cut changes nothing. A row of S may hold several shifts, each at its `first`.
struct TokenShiftArgs {
  ConstMat x;                   // {n, n_tokens}
  std::span<const float> lerp;  // {n, n_out}
  std::span<const Lane> lanes;
  StateRows state;  // S, rows of n elements or more
  std::int64_t first = 0;
  Mat out;         // {n * n_out, n_tokens}; not x
  Mat delta = {};  // {n, n_tokens}, or empty where nobody wants it
};

// The data-dependent lerp of RWKV-6 (Peng et al. 2024, section 4.1), for each of n_out vectors:
//   out[c, t] = x[t] + delta[t] * (lerp[c] + mix[c, t])
struct DdlerpArgs {
  ConstMat x, delta;            // {n, n_tokens}
  std::span<const float> lerp;  // {n, n_out}
  ConstMat mix;                 // {n * n_out, n_tokens}
  Mat out;                      // {n * n_out, n_tokens}; may be mix
};

// The decay of RWKV-6 (Peng et al. 2024, section 4.2): w = exp(-exp(bias + x)). Where a gated
// linear attention wants keys, those of head h come from head h / (n_head / n_head_kv) of k:
//   key[h] = k[h_kv] * (1 - w[h])
struct Wkv6DecayArgs {
  ConstMat x;                   // {n_head * head_size, n_tokens}
  std::span<const float> bias;  // n_head * head_size
  ConstMat k = {};              // {n_head_kv * head_size, n_tokens}, or empty
  std::int64_t head_size = 0;
  Mat w;         // {n_head * head_size, n_tokens}; may be x
  Mat key = {};  // as w, where there is k; not k
};

// The recurrence of RWKV-6 (Peng et al. 2024, section 4.2), and, without u, gated linear attention
// (Yang et al. 2023). Head h of v is h / (n_head / n_head_kv); i a key's index, j a value's:
//   with u:    out[h, j] = scale * sum_i r[i] * (s[i, j] + u[i] * k[i] * v[j])    the old state
//   s[i, j] = w[i] * s[i, j] + k[i] * v[j]
//   without u: out[h, j] = scale * sum_i r[i] * s[i, j]                           the new state
// With a state of F16 or BF16 the state is rounded after each token.
struct Wkv6Args {
  ConstMat r, w, k;          // {n_head * head_size, n_tokens}
  ConstMat v;                // {n_head_kv * head_size, n_tokens}
  std::span<const float> u;  // n_head * head_size, or empty
  std::int64_t head_size = 0;
  float scale = 1;
  std::span<const Lane> lanes;
  StateRows state;  // R, rows of wkv_state_elems(n_head, head_size)
  Mat out;          // {n_head * head_size, n_tokens}; none of the inputs
};

// What RWKV-7 (Peng et al. 2025, section 4) makes of its projections, head by head:
//   w = exp(-0.606531 * sigmoid(w_bias + w));  rate = sigmoid(a_bias + a)
//   kk = k * k_k / max(|k * k_k|, 1e-12);      a = -kk;  b = kk * rate
//   k = k * (1 + (rate - 1) * k_a);            v = v + (v_first - v) * sigmoid(v_bias + v_mix)
struct Wkv7PrepareArgs {
  std::span<const float> w_bias, a_bias, v_bias, k_k, k_a;  // n_head * head_size
  std::int64_t head_size = 0;
  ConstMat v_first = {}, v_mix = {};  // as k, or empty: v stays
  Mat w, k, v, a;                     // {n_head * head_size, n_tokens}, in and out
  Mat b;                              // as k, out
};

// The recurrence of RWKV-7 (Peng et al. 2025, section 4): S <- S (diag(w) + a b^T) + v k^T, for
// each head; i a value's index, j a key's:
//   sa[i] = sum_j a[j] * s[i, j];  s[i, j] = w[j] * s[i, j] + v[i] * k[j] + sa[i] * b[j]
//   out[i] = sum_j s[i, j] * r[j]
// With a state of F16 or BF16 the state is rounded after each token.
struct Wkv7Args {
  ConstMat r, w, k, v, a, b;  // {n_head * head_size, n_tokens}
  std::int64_t head_size = 0;
  std::span<const Lane> lanes;
  StateRows state;  // R, rows of wkv_state_elems(n_head, head_size)
  Mat out;          // {n_head * head_size, n_tokens}; none of the inputs
};

// What RWKV does with the output of the recurrence, head by head: a LayerNorm over the head, then
// (RWKV-7) v times the bonus of the token itself, then the gate:
//   out = (norm(x) * weight + bias + v * sum_i k[i] * r[i] * r_k[i]) * f(gate)
struct WkvOutputArgs {
  ConstMat x;                           // {n_head * head_size, n_tokens}
  std::span<const float> weight, bias;  // n_head * head_size, or empty: no norm
  std::span<const float> r_k = {};      // n_head * head_size, or empty: no bonus
  ConstMat r = {}, k = {}, v = {};      // as x; for the bonus
  ConstMat gate = {};                   // as x, or empty: no gate
  Activation function = Activation::kIdentity;
  std::int64_t head_size = 0;
  float eps = 0;
  Mat out;  // as x; may be x
};

// The real-gated linear recurrent unit of Griffin (De et al. 2024, section 2.4), elementwise:
//   r = sigmoid(gate_a + bias_a);  log a = r * decay;  a = exp(log a)
//   h = a * h + sqrt(1 - a^2) * sigmoid(gate_x + bias_x) * x;  out = h
// At the first token of a sequence, which is where a lane starts from zeros, h = sigmoid(..) * x:
// the input is not scaled. With a state of F16 or BF16 h is rounded after each token.
struct RgLruArgs {
  ConstMat x;                             // {n, n_tokens}
  ConstMat gate_x, gate_a;                // {n, n_tokens}, before bias and sigmoid
  std::span<const float> bias_x, bias_a;  // n
  std::span<const float> decay;           // n, at most 0: -8 softplus(Lambda)
  ConstMat h = {};                        // {n, n_tokens}: states to replay, in place of the inputs
  std::span<const Lane> lanes;
  StateRows state;  // R, rows of n elements
  Mat out;          // {n, n_tokens}
};

// Rotary position embedding (Su et al. 2021), in place. In every head, pair number d = (a, b) of
// the first 2 n_pairs elements turns by the angle of its token's position:
//   a' = a cos - b sin;  b' = a sin + b cos
// Angles are exact to 2^-33 turns at every position (tensor/rope.h), sines and cosines to F32.
enum class RopePairs { kHalves, kNeighbours };  // (d, n_pairs + d), or (2 d, 2 d + 1)
struct RopeArgs {
  Mat x;  // {n_head * head_dim, n_tokens}
  std::int64_t n_head = 0;
  std::span<const std::uint64_t> turns;  // n_pairs: 2^-64 turns for each position
  RopePairs pairs = RopePairs::kHalves;
  std::span<const Lane> lanes;
  std::span<const KvLane> kv_lanes;  // where the positions stand
};

// Writes K and V of every token into its lane's pages, in their element type. For Q8_0, by blocks
// of 32: d = F16(max |x| / 127), q = round(x / d), within -127 .. 127.
struct KvStoreArgs {
  ConstMat k;  // {n_head_kv * k_dim, n_tokens}
  ConstMat v;  // {n_head_kv * v_dim, n_tokens}
  std::span<const Lane> lanes;
  KvView kv;
};

// Causal softmax attention (Vaswani et al. 2017) over the lane's pages; head h reads the K and V
// of head h / (n_head / n_head_kv) (Ainslie et al. 2023). A token at position p sees the positions
// from p - window + 1 (or 0) to p:
//   s[i] = scale * q . k[i], or score_cap * tanh(s[i] / score_cap);  out = sum_i softmax(s)[i] v[i]
// Sums over positions run in blocks of kKvPage positions, those of a page: in a block by rising
// position, relative to the largest score so far; the blocks by rising position. So they depend on
// neither tiles nor cuts.
struct AttentionArgs {
  ConstMat q;  // {n_head * k_dim, n_tokens}
  std::int64_t n_head = 0, n_head_kv = 0;
  float scale = 1;
  float score_cap = 0;      // 0: none
  std::int32_t window = 0;  // positions that a token sees, itself included; 0: all
  std::span<const Lane> lanes;
  KvView kv;  // K and V of all the tokens have been stored
  Mat out;    // {n_head * v_dim, n_tokens}; not q
};

// Elements of a state row. The order inside a row is the kernel's own matter.
std::uint64_t short_conv_state_elems(std::int64_t n_channels, std::int64_t d_conv);
std::uint64_t selective_scan_state_elems(std::int64_t d_inner, std::int64_t d_state);
std::uint64_t ssd_scan_state_elems(std::int64_t n_head, std::int64_t head_dim,
                                   std::int64_t d_state);
std::uint64_t wkv_state_elems(std::int64_t n_head, std::int64_t head_size);

// But for one: states of wkv come from files. Where the element that value i and key j share stands
// in a head's part, of wkv_state_elems(1, head_size) elements, of a row; the others are zeros.
std::uint64_t wkv_state_index(std::int64_t head_size, std::int64_t i, std::int64_t j);

// Update inputs of a token, in floats. Of a token shift and of an RG-LRU they are as many as
// elements of the state.
std::uint64_t short_conv_log_elems(std::int64_t n_channels);
std::uint64_t selective_scan_log_elems(std::int64_t d_inner, std::int64_t d_state);
std::uint64_t ssd_scan_log_elems(std::int64_t n_head, std::int64_t head_dim, std::int64_t n_group,
                                 std::int64_t d_state);
std::uint64_t wkv6_log_elems(std::int64_t n_head, std::int64_t n_head_kv, std::int64_t head_size);
std::uint64_t wkv7_log_elems(std::int64_t n_head, std::int64_t head_size);

// The list: X(op, its arguments). Whoever treats all ops alike walks it.
// clang-format off
#define EDDY_OPS(X)                    \
  X(embed, EmbedArgs)                  \
  X(select, SelectArgs)                \
  X(rms_norm, RmsNormArgs)             \
  X(layer_norm, LayerNormArgs)         \
  X(gated_rms_norm, GatedRmsNormArgs)  \
  X(linear, LinearArgs)                \
  X(activate, ActivateArgs)            \
  X(gate, GateArgs)                    \
  X(short_conv, ShortConvArgs)         \
  X(selective_scan, SelectiveScanArgs) \
  X(ssd_scan, SsdScanArgs)             \
  X(token_shift, TokenShiftArgs)       \
  X(ddlerp, DdlerpArgs)                \
  X(wkv6_decay, Wkv6DecayArgs)         \
  X(wkv6, Wkv6Args)                    \
  X(wkv7_prepare, Wkv7PrepareArgs)     \
  X(wkv7, Wkv7Args)                    \
  X(wkv_output, WkvOutputArgs)         \
  X(soft_cap, SoftCapArgs)             \
  X(rg_lru, RgLruArgs)                 \
  X(rope, RopeArgs)                    \
  X(kv_store, KvStoreArgs)             \
  X(attention, AttentionArgs)
// clang-format on

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

#define EDDY_DECLARE(op, Args) virtual Status op(const Args& args) = 0;
  EDDY_OPS(EDDY_DECLARE)
#undef EDDY_DECLARE
};

}  // namespace eddy
