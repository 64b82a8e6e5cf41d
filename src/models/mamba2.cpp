// Mamba-2 (Dao & Gu 2024, "Transformers are SSMs"), with groups of B and C.
//
// Letters: E = d_inner, H = n_head, P = E / H, G = n_group, N = d_state, C = E + 2 G N the channels
// of the convolution, T the tokens of the micro-batch.
#include "base/table.h"
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/ends.h"
#include "models/loader.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

struct Mamba2Layer {
  std::vector<float> norm;              // {n_embd}
  Weight in;                            // {n_embd, 2E + 2GN + H}: z, x, B, C, dt
  std::vector<float> conv, conv_bias;   // {C, d_conv}, {C}
  std::vector<float> dt_bias, a, skip;  // {H} each
  std::vector<float> gated_norm;        // {E}
  Weight out;                           // {E, n_embd}
};

class Mamba2 final : public Model {
 public:
  explicit Mamba2(Loader& load);
  Status forward(const Forward& pass) const override;

 private:
  void load_layer(const Loader::Layer& load);
  Status mix(const Forward& pass, LayerId il, Mat x) const;

  float eps_;
  std::int64_t d_conv_, d_inner_, d_state_, n_head_, n_group_;
  std::int64_t n_channels_;
  Ends ends_;
  std::vector<Mamba2Layer> layers_;
};

Mamba2::Mamba2(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_rms_epsilon")),
      d_conv_(load.integer("ssm.conv_kernel", {2, 16})),
      d_inner_(load.integer("ssm.inner_size")),
      d_state_(load.integer("ssm.state_size", {1, 4096})),
      n_head_(load.integer("ssm.time_step_rank")),
      n_group_(load.integer("ssm.group_count")),
      n_channels_(d_inner_ + 2 * n_group_ * d_state_),
      ends_(load) {
  load.require(d_inner_ % n_head_ == 0, "ssm.time_step_rank does not divide ssm.inner_size");
  load.require(n_head_ % n_group_ == 0, "ssm.group_count does not divide ssm.time_step_rank");
  for (std::int64_t il = 0; il < info().n_layer; ++il) load_layer(load.layer(il));
}

void Mamba2::load_layer(const Loader::Layer& load) {
  const std::int64_t n_embd = info().n_embd;
  layers_.push_back({
      .norm = load.small("attn_norm.weight", {n_embd}),
      .in = load.matrix("ssm_in.weight", n_embd, d_inner_ + n_channels_ + n_head_),
      .conv = load.small_transposed("ssm_conv1d.weight", {d_conv_, n_channels_}),
      .conv_bias = load.small("ssm_conv1d.bias", {n_channels_}),
      .dt_bias = load.small("ssm_dt.bias", {n_head_}),
      .a = load.small("ssm_a", {1, n_head_}),
      .skip = load.small("ssm_d", {1, n_head_}),
      .gated_norm = load.small("ssm_norm.weight", {d_inner_ / n_group_, n_group_}),
      .out = load.matrix("ssm_out.weight", d_inner_, n_embd),
  });
  layout_.layers.push_back({
      .r_elems = ssd_scan_state_elems(n_head_, d_inner_ / n_head_, d_state_),
      .s_elems = short_conv_state_elems(n_channels_, d_conv_),
      .r_log_elems = ssd_scan_log_elems(n_head_, d_inner_ / n_head_, n_group_, d_state_),
      .s_log_elems = short_conv_log_elems(n_channels_),
  });
}

Status Mamba2::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);  // {n_embd, T}
  EDDY_TRY(ends_.embed(pass, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) EDDY_TRY(mix(pass, LayerId(il), x));
  return ends_.logits(pass, x);
}

// x += the layer's mixer of the normed x.
Status Mamba2::mix(const Forward& pass, LayerId il, Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const Mamba2Layer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(scratch);

  const Mat normed = scratch.mat(x.n, x.n_tokens);  // {n_embd, T}
  EDDY_TRY(ops.rms_norm({.x = x, .weight = w.norm, .group_size = x.n, .eps = eps_, .out = normed}));
  const Mat in = scratch.mat(w.in.n_out(), x.n_tokens);  // {2E + 2GN + H, T}
  EDDY_TRY(ops.linear({.weight = w.in, .x = normed, .out = in}));
  const Mat gate = in.part(0, d_inner_);                    // {E, T}
  const Mat raw = in.part(d_inner_, n_channels_);           // {C, T}
  const Mat dt = in.part(d_inner_ + n_channels_, n_head_);  // {H, T}

  const Mat xbc = scratch.mat(n_channels_, x.n_tokens);  // {C, T}
  EDDY_TRY(ops.short_conv({.x = raw,
                           .weight = w.conv,
                           .bias = w.conv_bias,
                           .d_conv = d_conv_,
                           .lanes = context.lanes(),
                           .state = context.get_s_l(il),
                           .out = xbc}));
  const std::int64_t n_bc = n_group_ * d_state_;
  const Mat y = scratch.mat(d_inner_, x.n_tokens);  // {E, T}
  EDDY_TRY(ops.ssd_scan({.x = xbc.part(0, d_inner_),
                         .dt = dt,
                         .b = xbc.part(d_inner_, n_bc),
                         .c = xbc.part(d_inner_ + n_bc, n_bc),
                         .dt_bias = w.dt_bias,
                         .a = w.a,
                         .skip = w.skip,
                         .n_head = n_head_,
                         .head_dim = d_inner_ / n_head_,
                         .n_group = n_group_,
                         .d_state = d_state_,
                         .lanes = context.lanes(),
                         .state = context.get_r_l(il),
                         .out = y}));
  EDDY_TRY(ops.gated_rms_norm({.x = y,
                               .gate = gate,
                               .weight = w.gated_norm,
                               .group_size = d_inner_ / n_group_,
                               .eps = eps_,
                               .out = y}));
  return ops.linear({.weight = w.out, .x = y, .out = x, .accumulate = true});
}

}  // namespace

std::unique_ptr<Model> make_mamba2(Loader& load) { return std::make_unique<Mamba2>(load); }

}  // namespace eddy
