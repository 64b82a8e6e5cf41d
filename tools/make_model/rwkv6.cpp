// Random RWKV-6 models.
#include <algorithm>

#include "make_model/architectures.h"
#include "make_model/common.h"
#include "make_model/rwkv6_time_mix.h"

namespace eddy::make_model {
namespace {

struct Shape {
  std::string_view name;
  std::int64_t n_layer, n_ff, n_vocab, n_rescale;
  Rwkv6TimeMixShape mix;
};

constexpr Shape kShapes[] = {
    {"tiny", 2, 224, 288, 0, {64, 16, 32, 32, false, true}},
    {"tiny-odd", 3, 100, 301, 2, {36, 12, 5, 7, true}},
    {"tiny-wide", 2, 448, 288, 1, {128, 64, 16, 16}},
    {"1.6b", 24, 7168, 65536, 6, {2048, 64, 32, 64}},
    {"3b", 32, 8960, 65536, 6, {2560, 64, 32, 64}},
    {"7b", 32, 14336, 65536, 6, {4096, 64, 64, 128}},
    {"14b", 61, 14336, 65536, 6, {4096, 64, 64, 128}},
};

void add_layer(Plan& plan, const Shape& s, std::int64_t il, DType type) {
  const std::int64_t n = s.mix.n_embd;
  const std::string blk = "blk." + std::to_string(il) + ".";
  add_layer_norm(plan, blk + "attn_norm", n);
  add_layer_norm(plan, blk + "attn_norm_2", n);
  add_rwkv6_time_mix(plan, s.mix, il, type);
  plan.add_small(blk + "channel_mix_lerp_k.weight", {n, 1, 1}, uniform(0, 1));
  plan.add_small(blk + "channel_mix_lerp_r.weight", {n, 1, 1}, uniform(0, 1));
  plan.add_matrix(blk + "channel_mix_key.weight", n, s.n_ff, gain(n), type);
  plan.add_matrix(blk + "channel_mix_value.weight", s.n_ff, n, gain(s.n_ff), type);
  plan.add_matrix(blk + "channel_mix_receptance.weight", n, n, gain(n), type);
}

}  // namespace

std::vector<std::string_view> rwkv6_shapes() {
  std::vector<std::string_view> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

std::optional<Plan> plan_rwkv6(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kShapes, shape, &Shape::name);
  if (s == std::end(kShapes)) return std::nullopt;
  const std::int64_t n_embd = s->mix.n_embd;
  Plan plan = begin_plan("rwkv6", shape, s->n_layer, n_embd, s->n_vocab, type, s->n_ff,
                         "layer_norm_epsilon");
  add_rwkv6_keys(plan, "rwkv6", s->mix);
  if (s->n_rescale > 0) plan.add("rwkv6.rescale_every_n_layers", u32(s->n_rescale));
  add_ends(plan, n_embd, s->n_vocab, false, type);
  plan.add_small("output_norm.bias", {n_embd}, uniform(-0.1, 0.1));
  add_layer_norm(plan, "token_embd_norm", n_embd);
  for (std::int64_t il = 0; il < s->n_layer; ++il) add_layer(plan, *s, il, type);
  return plan;
}

}  // namespace eddy::make_model
