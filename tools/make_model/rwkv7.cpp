// Random RWKV-7 models.
#include <algorithm>

#include "make_model/architectures.h"
#include "make_model/common.h"
#include "make_model/rwkv7_time_mix.h"

namespace eddy::make_model {
namespace {

struct Shape {
  std::string_view name;
  std::int64_t n_layer, n_ff, n_vocab;
  Rwkv7TimeMixShape mix;
};

constexpr Shape kShapes[] = {
    {"tiny", 2, 256, 288, {64, 16, 32, 32, 32, 64}},
    {"tiny-odd", 3, 100, 301, {36, 12, 5, 7, 3, 9}},
    {"tiny-wide", 2, 512, 288, {128, 64, 16, 16, 8, 32}},
    {"0.1b", 12, 3072, 65536, {768, 64, 64, 64, 32, 128}},
    {"0.4b", 24, 4096, 65536, {1024, 64, 64, 64, 32, 128}},
    {"1.5b", 24, 8192, 65536, {2048, 64, 96, 96, 64, 256}},
    {"2.9b", 32, 10240, 65536, {2560, 64, 96, 96, 64, 320}},
    {"7.2b", 32, 16384, 65536, {4096, 64, 128, 128, 96, 480}},
    {"13.3b", 61, 16384, 65536, {4096, 64, 192, 192, 128, 384}},
};

void add_layer(Plan& plan, const Shape& s, std::int64_t il, DType type) {
  const std::int64_t n = s.mix.n_embd;
  const std::string blk = "blk." + std::to_string(il) + ".";
  add_layer_norm(plan, blk + "attn_norm", n);
  add_layer_norm(plan, blk + "attn_norm_2", n);
  add_rwkv7_time_mix(plan, s.mix, il, type);
  plan.add_small(blk + "channel_mix_lerp_k.weight", {n, 1, 1}, uniform(0, 1));
  plan.add_matrix(blk + "channel_mix_key.weight", n, s.n_ff, gain(n), type);
  plan.add_matrix(blk + "channel_mix_value.weight", s.n_ff, n, gain(s.n_ff), type);
}

}  // namespace

std::vector<std::string_view> rwkv7_shapes() {
  std::vector<std::string_view> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

std::optional<Plan> plan_rwkv7(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kShapes, shape, &Shape::name);
  if (s == std::end(kShapes)) return std::nullopt;
  const std::int64_t n_embd = s->mix.n_embd;
  Plan plan = begin_plan("rwkv7", shape, s->n_layer, n_embd, s->n_vocab, type, s->n_ff,
                         "layer_norm_epsilon");
  add_rwkv7_keys(plan, "rwkv7", s->mix);
  add_ends(plan, n_embd, s->n_vocab, false, type);
  plan.add_small("output_norm.bias", {n_embd}, uniform(-0.1, 0.1));
  add_layer_norm(plan, "token_embd_norm", n_embd);
  for (std::int64_t il = 0; il < s->n_layer; ++il) add_layer(plan, *s, il, type);
  return plan;
}

}  // namespace eddy::make_model
