// Mamba (Gu & Dao 2023) and FalconMamba (Zuo et al. 2024), which norms dt, B and C.
//
// Letters: E = d_inner, N = d_state, R = dt_rank, T the tokens of the micro-batch.
#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/architectures.h"
#include "models/ends.h"
#include "models/loader.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

struct MambaLayer {
  std::vector<float> norm;              // {n_embd}
  Weight in;                            // {n_embd, 2E}: x, z
  std::vector<float> conv, conv_bias;   // {E, d_conv}, {E}
  Weight dt_b_c;                        // {E, R + 2N}
  Weight dt;                            // {R, E}
  std::vector<float> dt_bias, a, skip;  // {E}, {16, N, E / 16 rounded up}, {E}
  Weight out;                           // {E, n_embd}
};

class Mamba final : public Model {
 public:
  explicit Mamba(Loader& load);
  Status forward(const Forward& pass) const override;

 private:
  void load_layer(const Loader::Layer& load);
  Status mix(const Forward& pass, LayerId il, Mat x) const;
  Status norm_dt_b_c(Ops& ops, Mat dt_b_c) const;

  float eps_;
  std::int64_t d_conv_, d_inner_, d_state_, dt_rank_;
  bool norms_dt_b_c_;  // FalconMamba
  Ends ends_;
  std::vector<MambaLayer> layers_;
};

Mamba::Mamba(Loader& load)
    : Model(load.info(), load.identity()),
      eps_(load.positive("attention.layer_norm_rms_epsilon")),
      d_conv_(load.integer("ssm.conv_kernel", {2, 16})),
      d_inner_(load.integer("ssm.inner_size")),
      d_state_(load.integer("ssm.state_size", {1, 4096})),
      dt_rank_(load.integer("ssm.time_step_rank")),
      norms_dt_b_c_(load.flag("ssm.dt_b_c_rms")),
      ends_(load) {
  for (std::int64_t il = 0; il < info().n_layer; ++il) load_layer(load.layer(il));
}

void Mamba::load_layer(const Loader::Layer& load) {
  const std::int64_t n_embd = info().n_embd;
  layers_.push_back({
      .norm = load.small("attn_norm.weight", {n_embd}),
      .in = load.matrix("ssm_in.weight", n_embd, 2 * d_inner_),
      .conv = load.small_transposed("ssm_conv1d.weight", {d_conv_, d_inner_}),
      .conv_bias = load.small("ssm_conv1d.bias", {d_inner_}),
      .dt_b_c = load.matrix("ssm_x.weight", d_inner_, dt_rank_ + 2 * d_state_),
      .dt = load.matrix("ssm_dt.weight", dt_rank_, d_inner_),
      .dt_bias = load.small("ssm_dt.bias", {d_inner_}),
      .a = load.small_in_sixteens("ssm_a", {d_state_, d_inner_}),
      .skip = load.small("ssm_d", {d_inner_}),
      .out = load.matrix("ssm_out.weight", d_inner_, n_embd),
  });
  layout_.layers.push_back({
      .r_elems = selective_scan_state_elems(d_inner_, d_state_),
      .s_elems = short_conv_state_elems(d_inner_, d_conv_),
      .r_log_elems = selective_scan_log_elems(d_inner_, d_state_),
      .s_log_elems = short_conv_log_elems(d_inner_),
  });
}

Status Mamba::forward(const Forward& pass) const {
  Scratch::Scope scope(pass.scratch);
  const std::int64_t n_tokens = std::ssize(pass.context.ubatch().tokens);
  const Mat x = pass.scratch.mat(info().n_embd, n_tokens);  // {n_embd, T}
  EDDY_TRY(ends_.embed(pass, x));
  for (std::int32_t il = 0; il < info().n_layer; ++il) EDDY_TRY(mix(pass, LayerId(il), x));
  return ends_.logits(pass, x);
}

// x += the layer's mixer of the normed x.
Status Mamba::mix(const Forward& pass, LayerId il, Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const MambaLayer& w = layers_[static_cast<std::size_t>(il.value)];
  Scratch::Scope scope(scratch);

  const Mat normed = scratch.mat(x.n, x.n_tokens);  // {n_embd, T}
  EDDY_TRY(ops.rms_norm({.x = x, .weight = w.norm, .group_size = x.n, .eps = eps_, .out = normed}));
  const Mat xz = scratch.mat(2 * d_inner_, x.n_tokens);  // {2E, T}
  EDDY_TRY(ops.linear({.weight = w.in, .x = normed, .out = xz}));
  const Mat v = scratch.mat(d_inner_, x.n_tokens);  // {E, T}
  EDDY_TRY(ops.short_conv({.x = xz.part(0, d_inner_),
                           .weight = w.conv,
                           .bias = w.conv_bias,
                           .d_conv = d_conv_,
                           .lanes = context.lanes(),
                           .state = context.get_s_l(il),
                           .out = v}));

  const Mat dt_b_c = scratch.mat(w.dt_b_c.n_out(), x.n_tokens);  // {R + 2N, T}
  EDDY_TRY(ops.linear({.weight = w.dt_b_c, .x = v, .out = dt_b_c}));
  if (norms_dt_b_c_) EDDY_TRY(norm_dt_b_c(ops, dt_b_c));
  const Mat dt = scratch.mat(d_inner_, x.n_tokens);  // {E, T}
  EDDY_TRY(ops.linear({.weight = w.dt, .x = dt_b_c.part(0, dt_rank_), .out = dt}));

  const Mat y = scratch.mat(d_inner_, x.n_tokens);  // {E, T}
  EDDY_TRY(ops.selective_scan({.x = v,
                               .dt = dt,
                               .b = dt_b_c.part(dt_rank_, d_state_),
                               .c = dt_b_c.part(dt_rank_ + d_state_, d_state_),
                               .gate = xz.part(d_inner_, d_inner_),
                               .dt_bias = w.dt_bias,
                               .a = w.a,
                               .skip = w.skip,
                               .lanes = context.lanes(),
                               .state = context.get_r_l(il),
                               .out = y}));
  return ops.linear({.weight = w.out, .x = y, .out = x, .accumulate = true});
}

// dt, B and C each divided by their root mean square, without weights, in place.
Status Mamba::norm_dt_b_c(Ops& ops, Mat dt_b_c) const {
  std::int64_t first = 0;
  for (const std::int64_t n : {dt_rank_, d_state_, d_state_}) {
    const Mat part = dt_b_c.part(first, n);  // {R, T}, {N, T}, {N, T}
    EDDY_TRY(ops.rms_norm({.x = part, .weight = {}, .group_size = n, .eps = eps_, .out = part}));
    first += n;
  }
  return {};
}

}  // namespace

std::unique_ptr<Model> make_mamba(Loader& load) { return std::make_unique<Mamba>(load); }

}  // namespace eddy
