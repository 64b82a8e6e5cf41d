// Random QRWKV-6 (rwkv6qwen2) and ARWKV-7 models: a time mix in the blocks of Qwen 2.
#include <algorithm>

#include "make_model/architectures.h"
#include "make_model/common.h"
#include "make_model/rwkv6_time_mix.h"
#include "make_model/rwkv7_time_mix.h"

namespace eddy::make_model {
namespace {

template <class Mix>
struct Shape {
  std::string_view name;
  std::int64_t n_layer, n_ff, n_vocab;
  Mix mix;
};

constexpr Shape<Rwkv6TimeMixShape> kQrwkv6Shapes[] = {
    {"tiny", 2, 192, 288, {64, 16, 32, 32, false, false, true, 2, true}},
    {"tiny-odd", 3, 100, 301, {36, 12, 5, 7, false, false, true}},
    {"32b", 64, 27648, 152064, {5120, 128, 64, 128, false, false, true, 8, true}},
};
constexpr Shape<Rwkv7TimeMixShape> kArwkv7Shapes[] = {
    {"tiny", 2, 192, 288, {64, 16, 32, 32, 32, 64}},
    {"tiny-bare", 3, 100, 301, {36, 12, 5, 7, 3, 0, false}},
    {"1.5b", 28, 8960, 151936, {1536, 64, 64, 64, 32, 128}},
    {"7b", 28, 18944, 152064, {3584, 64, 64, 64, 32, 128}},
};

template <class Shapes>
std::vector<std::string_view> names_of(const Shapes& shapes) {
  std::vector<std::string_view> names;
  for (const auto& shape : shapes) names.push_back(shape.name);
  return names;
}

template <class Mix>
Plan begin(std::string_view architecture, const Shape<Mix>& s, DType type) {
  Plan plan = begin_plan(architecture, s.name, s.n_layer, s.mix.n_embd, s.n_vocab, type, s.n_ff);
  plan.add(std::string(architecture) + ".token_shift_count", std::uint32_t{1});
  add_ends(plan, s.mix.n_embd, s.n_vocab, false, type);
  return plan;
}

template <class Mix>
void add_block(Plan& plan, const Shape<Mix>& s, std::int64_t il, DType type) {
  const std::int64_t n = s.mix.n_embd;
  const std::string blk = "blk." + std::to_string(il) + ".";
  plan.add_small(blk + "attn_norm.weight", {n}, uniform(0.8, 1.2));
  plan.add_small(blk + "ffn_norm.weight", {n}, uniform(0.8, 1.2));
  plan.add_matrix(blk + "ffn_gate.weight", n, s.n_ff, gain(n), type);
  plan.add_matrix(blk + "ffn_up.weight", n, s.n_ff, gain(n), type);
  plan.add_matrix(blk + "ffn_down.weight", s.n_ff, n, gain(s.n_ff), type);
}

}  // namespace

std::vector<std::string_view> rwkv6qwen2_shapes() { return names_of(kQrwkv6Shapes); }

std::optional<Plan> plan_rwkv6qwen2(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kQrwkv6Shapes, shape, &Shape<Rwkv6TimeMixShape>::name);
  if (s == std::end(kQrwkv6Shapes)) return std::nullopt;
  Plan plan = begin("rwkv6qwen2", *s, type);
  add_rwkv6_keys(plan, "rwkv6qwen2", s->mix);
  plan.add("rwkv6qwen2.attention.head_count_kv", u32(s->mix.n_head_kv));
  // The converter of these models writes no bias of the last norm, but readers take one.
  if (!s->mix.has_biases) {
    plan.add_small("output_norm.bias", {s->mix.n_embd}, uniform(-0.1, 0.1));
  }
  for (std::int64_t il = 0; il < s->n_layer; ++il) {
    add_block(plan, *s, il, type);
    add_rwkv6_time_mix(plan, s->mix, il, type);
  }
  return plan;
}

std::vector<std::string_view> arwkv7_shapes() { return names_of(kArwkv7Shapes); }

std::optional<Plan> plan_arwkv7(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kArwkv7Shapes, shape, &Shape<Rwkv7TimeMixShape>::name);
  if (s == std::end(kArwkv7Shapes)) return std::nullopt;
  Plan plan = begin("arwkv7", *s, type);
  add_rwkv7_keys(plan, "arwkv7", s->mix);
  for (std::int64_t il = 0; il < s->n_layer; ++il) {
    add_block(plan, *s, il, type);
    add_rwkv7_time_mix(plan, s->mix, il, type);
  }
  return plan;
}

}  // namespace eddy::make_model
