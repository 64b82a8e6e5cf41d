// Random Mamba-2 models.
#include <algorithm>
#include <cmath>

#include "make_model/architectures.h"
#include "make_model/common.h"

namespace eddy::make_model {
namespace {

struct Shape {
  std::string_view name;
  std::int64_t n_layer, n_embd, n_head, d_state, n_group, d_conv, n_vocab;
  bool tied;
};

constexpr Shape kShapes[] = {
    {"tiny", 2, 64, 8, 16, 1, 4, 288, true},
    {"tiny-grouped", 2, 96, 12, 32, 4, 4, 288, false},
    {"tiny-odd", 3, 40, 8, 20, 2, 3, 301, false},
    {"tiny-wide", 2, 128, 4, 128, 1, 4, 288, true},
    {"130m", 24, 768, 24, 128, 1, 4, 50288, true},
    {"370m", 48, 1024, 32, 128, 1, 4, 50288, true},
    {"780m", 48, 1536, 48, 128, 1, 4, 50288, true},
    {"1.3b", 48, 2048, 64, 128, 1, 4, 50288, true},
    {"2.7b", 64, 2560, 80, 128, 1, 4, 50288, true},
    {"codestral-7b", 64, 4096, 128, 128, 8, 4, 32768, false},
};

void add_layer(Plan& plan, const Shape& s, std::int64_t il, DType type) {
  const std::int64_t d_inner = 2 * s.n_embd;
  const std::int64_t n_channels = d_inner + 2 * s.n_group * s.d_state;
  const std::string blk = "blk." + std::to_string(il) + ".";
  plan.add_small(blk + "attn_norm.weight", {s.n_embd}, uniform(0.8, 1.2));
  plan.add_matrix(blk + "ssm_in.weight", s.n_embd, d_inner + n_channels + s.n_head,
                  1.5 * gain(s.n_embd), type);
  plan.add_small(blk + "ssm_conv1d.weight", {s.d_conv, n_channels}, normal(0.6));
  plan.add_small(blk + "ssm_conv1d.bias", {n_channels}, uniform(-0.2, 0.2));
  plan.add_small(blk + "ssm_dt.bias", {s.n_head}, kDtBias);
  plan.add_small(blk + "ssm_a", {1, s.n_head}, uniform(-16, -1));
  plan.add_small(blk + "ssm_d", {1, s.n_head}, uniform(0.5, 1.5));
  plan.add_small(blk + "ssm_norm.weight", {d_inner / s.n_group, s.n_group}, uniform(0.8, 1.2));
  plan.add_matrix(blk + "ssm_out.weight", d_inner, s.n_embd, 0.5 * gain(d_inner), type);
}

}  // namespace

std::vector<std::string_view> mamba2_shapes() {
  std::vector<std::string_view> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

std::optional<Plan> plan_mamba2(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kShapes, shape, &Shape::name);
  if (s == std::end(kShapes)) return std::nullopt;
  Plan plan = begin_plan("mamba2", shape, s->n_layer, s->n_embd, s->n_vocab, type);
  plan.add("mamba2.ssm.conv_kernel", u32(s->d_conv));
  plan.add("mamba2.ssm.inner_size", u32(2 * s->n_embd));
  plan.add("mamba2.ssm.state_size", u32(s->d_state));
  plan.add("mamba2.ssm.time_step_rank", u32(s->n_head));
  plan.add("mamba2.ssm.group_count", u32(s->n_group));
  add_ends(plan, s->n_embd, s->n_vocab, s->tied, type);
  for (std::int64_t il = 0; il < s->n_layer; ++il) add_layer(plan, *s, il, type);
  return plan;
}

}  // namespace eddy::make_model
