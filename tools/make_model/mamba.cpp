// Random Mamba and FalconMamba models.
#include <algorithm>
#include <cmath>

#include "make_model/architectures.h"
#include "make_model/common.h"

namespace eddy::make_model {
namespace {

struct Shape {
  std::string_view name;
  std::int64_t n_layer, n_embd, d_state, dt_rank, d_conv, n_vocab;
  bool tied;
  bool norm_dt_b_c;  // FalconMamba
};

constexpr Shape kShapes[] = {
    {"tiny", 2, 64, 16, 4, 4, 288, true, false},
    {"tiny-odd", 3, 36, 7, 5, 3, 301, false, false},
    {"tiny-falcon", 2, 64, 16, 32, 4, 288, false, true},
    {"130m", 24, 768, 16, 48, 4, 50280, true, false},
    {"370m", 48, 1024, 16, 64, 4, 50280, true, false},
    {"790m", 48, 1536, 16, 96, 4, 50280, true, false},
    {"1.4b", 48, 2048, 16, 128, 4, 50280, true, false},
    {"2.8b", 64, 2560, 16, 160, 4, 50280, true, false},
    {"falcon-mamba-7b", 64, 4096, 16, 256, 4, 65024, false, true},
};

void add_layer(Plan& plan, const Shape& s, std::int64_t il, DType type) {
  const std::int64_t d_inner = 2 * s.n_embd;
  const std::string blk = "blk." + std::to_string(il) + ".";
  plan.add_small(blk + "attn_norm.weight", {s.n_embd}, uniform(0.8, 1.2));
  plan.add_matrix(blk + "ssm_in.weight", s.n_embd, 2 * d_inner, 1.5 * gain(s.n_embd), type);
  plan.add_small(blk + "ssm_conv1d.weight", {s.d_conv, d_inner}, normal(0.5));
  plan.add_small(blk + "ssm_conv1d.bias", {d_inner}, uniform(-0.2, 0.2));
  plan.add_matrix(blk + "ssm_x.weight", d_inner, s.dt_rank + 2 * s.d_state, 2 * gain(d_inner),
                  type);
  plan.add_matrix(blk + "ssm_dt.weight", s.dt_rank, d_inner, 0.5 * gain(s.dt_rank), type);
  plan.add_small(blk + "ssm_dt.bias", {d_inner}, kDtBias);
  plan.add_small(blk + "ssm_a", {s.d_state, d_inner}, {Values::Kind::kRamp, -1, 0.1});
  plan.add_small(blk + "ssm_d", {d_inner}, uniform(0.5, 1.5));
  plan.add_matrix(blk + "ssm_out.weight", d_inner, s.n_embd, gain(d_inner), type);
}

}  // namespace

std::vector<std::string_view> mamba_shapes() {
  std::vector<std::string_view> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

std::optional<Plan> plan_mamba(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kShapes, shape, &Shape::name);
  if (s == std::end(kShapes)) return std::nullopt;
  Plan plan = begin_plan("mamba", shape, s->n_layer, s->n_embd, s->n_vocab, type);
  plan.add("mamba.ssm.conv_kernel", u32(s->d_conv));
  plan.add("mamba.ssm.inner_size", u32(2 * s->n_embd));
  plan.add("mamba.ssm.state_size", u32(s->d_state));
  plan.add("mamba.ssm.time_step_rank", u32(s->dt_rank));
  plan.add("mamba.ssm.dt_b_c_rms", s->norm_dt_b_c);
  add_ends(plan, s->n_embd, s->n_vocab, s->tied, type);
  for (std::int64_t il = 0; il < s->n_layer; ++il) add_layer(plan, *s, il, type);
  return plan;
}

}  // namespace eddy::make_model
