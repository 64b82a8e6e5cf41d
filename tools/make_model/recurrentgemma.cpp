// Random RecurrentGemma models.
#include <algorithm>

#include "make_model/architectures.h"
#include "make_model/common.h"

namespace eddy::make_model {
namespace {

// n_back: attention.sliding_window. Every third layer has attention, with n_head_kv heads of K and
// V: as a list by layer, or, where the file says so, by the one number.
struct Shape {
  std::string_view name;
  std::int64_t n_layer, n_embd, width, n_ff, n_head, head_dim, n_head_kv, n_rotated, n_back, d_conv;
  std::int64_t n_vocab;
  float embedding_scale, logit_cap;  // 0: the file does not say
  bool by_layer;
};

constexpr Shape kShapes[] = {
    {"tiny", 3, 64, 64, 96, 4, 32, 1, 16, 39, 4, 288, 8, 2, true},
    {"tiny-odd", 4, 36, 60, 50, 3, 20, 3, 10, 4, 3, 301, 0, 0, true},
    {"tiny-grouped", 6, 64, 96, 64, 4, 64, 2, 64, 31, 4, 288, 8, 30, false},
    {"2b", 26, 2560, 2560, 7680, 10, 256, 1, 128, 2048, 4, 256000, 50.5, 30, true},
    {"9b", 38, 4096, 4096, 12288, 16, 256, 1, 128, 2048, 4, 256000, 64, 30, true},
};

bool has_attention(std::int64_t il) { return il % 3 == 2; }

void add_dense(Plan& plan, const std::string& name, std::int64_t n_in, std::int64_t n_out,
               double deviation, DType type) {
  plan.add_matrix(name + ".weight", n_in, n_out, deviation, type);
  plan.add_small(name + ".bias", {n_out}, uniform(-0.1, 0.1));
}

void add_gate(Plan& plan, const std::string& name, const Shape& s, DType type) {
  const std::int64_t n = s.width / s.n_head;
  plan.tensors.push_back({name + ".weight",
                          {n, n, s.n_head},
                          normal(2 * gain(n)),
                          type == DType::kQ8_0 ? DType::kF16 : type});
  plan.add_small(name + ".bias", {s.width}, uniform(-1, 1));
}

void add_recurrent(Plan& plan, const std::string& blk, const Shape& s, DType type) {
  add_dense(plan, blk + "rglru_y", s.n_embd, s.width, 1.5 * gain(s.n_embd), type);
  add_dense(plan, blk + "rglru_x", s.n_embd, s.width, gain(s.n_embd), type);
  plan.add_small(blk + "ssm_conv1d.weight", {s.d_conv, s.width}, normal(0.6));
  plan.add_small(blk + "ssm_conv1d.bias", {s.width}, uniform(-0.2, 0.2));
  add_gate(plan, blk + "rglru_gate_x", s, type);
  add_gate(plan, blk + "rglru_gate_a", s, type);
  plan.add_small(blk + "rglru_a", {s.width}, uniform(-1.5, -0.005));
  add_dense(plan, blk + "ssm_out", s.width, s.n_embd, gain(s.width), type);
}

void add_attention(Plan& plan, const std::string& blk, const Shape& s, DType type) {
  const std::int64_t n_q = s.n_head * s.head_dim, n_kv = s.n_head_kv * s.head_dim;
  plan.add_matrix(blk + "attn_q.weight", s.n_embd, n_q, 2 * gain(s.n_embd), type);
  plan.add_matrix(blk + "attn_k.weight", s.n_embd, n_kv, gain(s.n_embd), type);
  plan.add_matrix(blk + "attn_v.weight", s.n_embd, n_kv, 2 * gain(s.n_embd), type);
  add_dense(plan, blk + "attn_output", n_q, s.n_embd, gain(n_q), type);
}

void add_layer(Plan& plan, const Shape& s, std::int64_t il, DType type) {
  const std::string blk = "blk." + std::to_string(il) + ".";
  plan.add_small(blk + "attn_norm.weight", {s.n_embd}, uniform(0.8, 1.2));
  plan.add_small(blk + "ffn_norm.weight", {s.n_embd}, uniform(0.8, 1.2));
  (has_attention(il) ? add_attention : add_recurrent)(plan, blk, s, type);
  add_dense(plan, blk + "ffn_gate", s.n_embd, s.n_ff, 1.5 * gain(s.n_embd), type);
  add_dense(plan, blk + "ffn_up", s.n_embd, s.n_ff, gain(s.n_embd), type);
  add_dense(plan, blk + "ffn_down", s.n_ff, s.n_embd, gain(s.n_ff), type);
}

void add_keys(Plan& plan, const Shape& s) {
  const std::string arch = "recurrentgemma.";
  std::vector<std::int32_t> heads_kv;
  for (std::int64_t il = 0; il < s.n_layer; ++il) {
    heads_kv.push_back(has_attention(il) ? static_cast<std::int32_t>(s.n_head_kv) : 0);
  }
  plan.set(arch + "attention.head_count", u32(s.n_head));
  plan.set(arch + "attention.layer_norm_rms_epsilon", 1e-6F);
  if (s.by_layer) {
    plan.add(arch + "attention.head_count_kv", heads_kv);
  } else {
    plan.add(arch + "attention.head_count_kv", u32(s.n_head_kv));
  }
  plan.add(arch + "attention.key_length", u32(s.head_dim));
  plan.add(arch + "attention.value_length", u32(s.head_dim));
  plan.add(arch + "attention.sliding_window", u32(s.n_back));
  plan.add(arch + "rope.dimension_count", u32(s.n_rotated));
  plan.add(arch + "rope.freq_base", 10000.0F);
  plan.add(arch + "ssm.conv_kernel", u32(s.d_conv));
  plan.add(arch + "ssm.inner_size", u32(s.width));
  plan.add(arch + "ssm.state_size", std::uint32_t{1});
  plan.add(arch + "ssm.group_count", std::uint32_t{0});
  plan.add(arch + "ssm.time_step_rank", std::uint32_t{0});
  if (s.embedding_scale > 0) plan.add(arch + "embedding_scale", s.embedding_scale);
  if (s.logit_cap > 0) plan.add(arch + "final_logit_softcapping", s.logit_cap);
}

}  // namespace

std::vector<std::string_view> recurrentgemma_shapes() {
  std::vector<std::string_view> names;
  for (const Shape& shape : kShapes) names.push_back(shape.name);
  return names;
}

std::optional<Plan> plan_recurrentgemma(std::string_view shape, DType type) {
  const auto* s = std::ranges::find(kShapes, shape, &Shape::name);
  if (s == std::end(kShapes)) return std::nullopt;
  Plan plan = begin_plan("recurrentgemma", shape, s->n_layer, s->n_embd, s->n_vocab, type, s->n_ff);
  add_keys(plan, *s);
  add_ends(plan, s->n_embd, s->n_vocab, true, type);
  for (std::int64_t il = 0; il < s->n_layer; ++il) add_layer(plan, *s, il, type);
  return plan;
}

}  // namespace eddy::make_model
