#include "models/griffin_recurrent.h"

#include <algorithm>

#include "base/try.h"
#include "memory/recurrent_context.h"
#include "models/scratch.h"
#include "tensor/ops.h"

namespace eddy {
namespace {

// out = x times a matrix of blocks on the diagonal.
Status multiply_blocks(Ops& ops, const std::vector<Weight>& blocks, ConstMat x, Mat out) {
  const std::int64_t n = blocks[0].n_in();
  for (std::int64_t i = 0; i < std::ssize(blocks); ++i) {
    EDDY_TRY(ops.linear({.weight = blocks[static_cast<std::size_t>(i)],
                         .x = x.part(i * n, n),
                         .out = out.part(i * n, n)}));
  }
  return {};
}

}  // namespace

GriffinShape load_griffin_shape(Loader& load) {
  const GriffinShape shape = {.n_embd = load.info().n_embd,
                              .width = load.integer("ssm.inner_size"),
                              .n_block = load.integer("attention.head_count"),
                              .d_conv = load.integer("ssm.conv_kernel", {2, 16})};
  load.require(shape.width % shape.n_block == 0,
               "attention.head_count does not divide ssm.inner_size");
  return shape;
}

GriffinRecurrent::GriffinRecurrent(Loader& loader, const Loader::Layer& load,
                                   const GriffinShape& shape)
    : d_conv_(shape.d_conv),
      gate_branch_(load_dense(load, "rglru_y", shape.n_embd, shape.width)),
      branch_(load_dense(load, "rglru_x", shape.n_embd, shape.width)),
      out_(load_dense(load, "ssm_out", shape.width, shape.n_embd)),
      conv_(load.small_transposed("ssm_conv1d.weight", {shape.d_conv, shape.width})),
      conv_bias_(load.small("ssm_conv1d.bias", {shape.width})) {
  const std::int64_t n = shape.width / shape.n_block;
  gate_x_ = load.matrices("rglru_gate_x.weight", n, n, shape.n_block);
  gate_a_ = load.matrices("rglru_gate_a.weight", n, n, shape.n_block);
  bias_x_ = load.small("rglru_gate_x.bias", {shape.width});
  bias_a_ = load.small("rglru_gate_a.bias", {shape.width});
  decay_ = load.small("rglru_a", {shape.width});
  loader.require(std::ranges::all_of(decay_, [](float v) { return v <= 0; }),
                 "rglru_a: above 0 or NaN, expected -8 softplus(Lambda)");
}

StateLayout::Layer GriffinRecurrent::state(const GriffinShape& shape) {
  return {.r_elems = static_cast<std::uint64_t>(shape.width),
          .s_elems = short_conv_state_elems(shape.width, shape.d_conv),
          .r_log_elems = static_cast<std::uint64_t>(shape.width),  // the states themselves
          .s_log_elems = short_conv_log_elems(shape.width)};
}

Status GriffinRecurrent::mix(const Forward& pass, LayerId il, ConstMat normed, Mat x) const {
  const auto& [ops, context, scratch, logits] = pass;
  const std::int64_t width = branch_.weight.n_out();
  Scratch::Scope scope(scratch);

  const Mat gate = scratch.mat(width, x.n_tokens);  // {R, T}
  EDDY_TRY(gate_branch_.apply(ops, normed, gate));
  const Mat h = scratch.mat(width, x.n_tokens);  // {R, T}
  EDDY_TRY(branch_.apply(ops, normed, h));
  const Mat u = scratch.mat(width, x.n_tokens);  // {R, T}
  EDDY_TRY(ops.short_conv({.x = h,
                           .weight = conv_,
                           .bias = conv_bias_,
                           .d_conv = d_conv_,
                           .has_silu = false,
                           .lanes = context.lanes(),
                           .state = context.get_s_l(il),
                           .out = u}));
  const Mat gate_x = scratch.mat(width, x.n_tokens);  // {R, T}
  const Mat gate_a = scratch.mat(width, x.n_tokens);  // {R, T}
  EDDY_TRY(multiply_blocks(ops, gate_x_, u, gate_x));
  EDDY_TRY(multiply_blocks(ops, gate_a_, u, gate_a));
  EDDY_TRY(ops.rg_lru({.x = u,
                       .gate_x = gate_x,
                       .gate_a = gate_a,
                       .bias_x = bias_x_,
                       .bias_a = bias_a_,
                       .decay = decay_,
                       .lanes = context.lanes(),
                       .state = context.get_r_l(il),
                       .out = h}));
  EDDY_TRY(ops.gate({.x = h, .gate = gate, .function = Activation::kGelu, .out = h}));
  return out_.apply(ops, h, x, true);
}

}  // namespace eddy
