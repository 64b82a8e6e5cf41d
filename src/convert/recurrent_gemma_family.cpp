// RecurrentGemma, a Griffin.
#include <cmath>

#include "base/half.h"
#include "base/try.h"
#include "convert/describe.h"
#include "convert/rules.h"

namespace eddy::convert {
namespace {

constexpr std::string_view kConfigurations[] = {"RecurrentGemmaForCausalLM"};

#define EDDY_TEMPORAL "model.layers.{}.temporal_block."
#define EDDY_MLP "model.layers.{}.mlp_block."
constexpr Kind S = Kind::kSmall;
constexpr Kind M = Kind::kMatrix;
constexpr Form T = Form::kTransposed;
constexpr Form R = Form::kReversed;
constexpr Value kSame = Value::kSame;
constexpr Layers kLru = Layers::kRecurrent;
constexpr Layers kAttn = Layers::kAttention;

constexpr Rule kRules[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"lm_head.weight", "output.weight"},
    {"model.final_norm.weight", "output_norm.weight", S, R, Value::kPlusOne},
    {"model.layers.{}.temporal_pre_norm.weight", "blk.{}.attn_norm.weight", S, R, Value::kPlusOne},
    {"model.layers.{}.channel_pre_norm.weight", "blk.{}.ffn_norm.weight", S, R, Value::kPlusOne},
    {EDDY_MLP "gate_proj.weight", "blk.{}.ffn_gate.weight"},
    {EDDY_MLP "gate_proj.bias", "blk.{}.ffn_gate.bias", S},
    {EDDY_MLP "up_proj.weight", "blk.{}.ffn_up.weight"},
    {EDDY_MLP "up_proj.bias", "blk.{}.ffn_up.bias", S},
    {EDDY_MLP "down_proj.weight", "blk.{}.ffn_down.weight"},
    {EDDY_MLP "down_proj.bias", "blk.{}.ffn_down.bias", S},
    {EDDY_TEMPORAL "q_proj.weight", "blk.{}.attn_q.weight", M, R, kSame, kAttn},
    {EDDY_TEMPORAL "k_proj.weight", "blk.{}.attn_k.weight", M, R, kSame, kAttn},
    {EDDY_TEMPORAL "v_proj.weight", "blk.{}.attn_v.weight", M, R, kSame, kAttn},
    {EDDY_TEMPORAL "o_proj.weight", "blk.{}.attn_output.weight", M, R, kSame, kAttn},
    {EDDY_TEMPORAL "o_proj.bias", "blk.{}.attn_output.bias", S, R, kSame, kAttn},
    {EDDY_TEMPORAL "rotary_emb.inv_freq", "", S, R, kSame, kAttn},
    {EDDY_TEMPORAL "linear_x.weight", "blk.{}.rglru_x.weight", M, R, kSame, kLru},
    {EDDY_TEMPORAL "linear_x.bias", "blk.{}.rglru_x.bias", S, R, kSame, kLru},
    {EDDY_TEMPORAL "linear_y.weight", "blk.{}.rglru_y.weight", M, R, kSame, kLru},
    {EDDY_TEMPORAL "linear_y.bias", "blk.{}.rglru_y.bias", S, R, kSame, kLru},
    {EDDY_TEMPORAL "conv_1d.weight", "blk.{}.ssm_conv1d.weight", S, Form::kSqueezed, kSame, kLru},
    {EDDY_TEMPORAL "conv_1d.bias", "blk.{}.ssm_conv1d.bias", S, R, kSame, kLru},
    {EDDY_TEMPORAL "rg_lru.recurrent_param", "blk.{}.rglru_a", S, R, Value::kLogDecay, kLru},
    {EDDY_TEMPORAL "rg_lru.input_gate_weight", "blk.{}.rglru_gate_x.weight", S, T, kSame, kLru},
    {EDDY_TEMPORAL "rg_lru.input_gate_bias", "blk.{}.rglru_gate_x.bias", S, Form::kFlat, kSame,
     kLru},
    {EDDY_TEMPORAL "rg_lru.recurrent_gate_weight", "blk.{}.rglru_gate_a.weight", S, T, kSame, kLru},
    {EDDY_TEMPORAL "rg_lru.recurrent_gate_bias", "blk.{}.rglru_gate_a.bias", S, Form::kFlat, kSame,
     kLru},
    {EDDY_TEMPORAL "linear_out.weight", "blk.{}.ssm_out.weight", M, R, kSame, kLru},
    {EDDY_TEMPORAL "linear_out.bias", "blk.{}.ssm_out.bias", S, R, kSame, kLru},
};
#undef EDDY_TEMPORAL
#undef EDDY_MLP

// The first layer of a kind; -1: there is none.
std::int64_t first_layer(const TensorPlan& plan, bool is_recurrent) {
  for (std::int64_t il = 0; il < plan.n_layer(); ++il) {
    if (plan.is_recurrent(il) == is_recurrent) return il;
  }
  return -1;
}

Status add_attention(Describer& keys, const Checkpoint& checkpoint, const TensorPlan& plan,
                     std::int64_t n_head) {
  EDDY_TRY_ASSIGN(const auto window, checkpoint.integer({"attention_window_size"}));
  EDDY_TRY_ASSIGN(const auto rope_part, checkpoint.number({"partial_rotary_factor"}));
  const std::int64_t il = first_layer(plan, false);
  std::int64_t head_dim = plan.ne("token_embd.weight", 0) / n_head, n_head_kv = 1;
  if (il >= 0) {
    head_dim = plan.ne(fmt::format("blk.{}.attn_q.weight", il), 1) / n_head;
    n_head_kv =
        plan.ne(fmt::format("blk.{}.attn_k.weight", il), 1) / std::max<std::int64_t>(head_dim, 1);
  }
  std::vector<std::uint32_t> per_layer;
  for (std::int64_t i = 0; i < plan.n_layer(); ++i) {
    per_layer.push_back(plan.is_recurrent(i) ? 0 : static_cast<std::uint32_t>(n_head_kv));
  }
  keys.add("attention.head_count", n_head);
  keys.add("attention.head_count_kv", per_layer);
  keys.add("attention.key_length", head_dim);
  keys.add("attention.value_length", head_dim);
  keys.add("attention.sliding_window", window.value_or(2048));
  keys.add("rope.dimension_count",
           static_cast<std::int64_t>(rope_part.value_or(0.5) * static_cast<double>(head_dim)));
  return keys.add_number("rope.freq_base", {"rope_theta"}, 10000);
}

Status describe(const Checkpoint& checkpoint, const TensorPlan& plan, GgufWriter& writer) {
  Describer keys(checkpoint, plan, writer);
  EDDY_TRY_ASSIGN(const auto n_head, checkpoint.integer({"num_attention_heads"}));
  const std::int64_t il = first_layer(plan, true);
  if (!n_head || *n_head < 1) return keys.wrong("num_attention_heads: missing");
  if (il < 0) return keys.wrong("block_types: no recurrent layer");
  const std::string conv = fmt::format("blk.{}.ssm_conv1d.weight", il);
  keys.add_common(8192);
  keys.add("feed_forward_length", plan.ne("blk.0.ffn_gate.weight", 1));
  EDDY_TRY(add_attention(keys, checkpoint, plan, *n_head));
  keys.add("ssm.conv_kernel", plan.ne(conv, 0));
  keys.add("ssm.inner_size", plan.ne(conv, 1));
  keys.add("ssm.state_size", 1);
  keys.add("ssm.group_count", 0);
  keys.add("ssm.time_step_rank", 0);
  EDDY_TRY(keys.add_number("attention.layer_norm_rms_epsilon", {"rms_norm_eps"}, 1e-6));
  EDDY_TRY(keys.add_number("final_logit_softcapping", {"logits_soft_cap"}, 30));
  // The reference scales the embedding by this number, rounded to BF16.
  const auto root =
      static_cast<float>(std::sqrt(static_cast<double>(plan.ne("token_embd.weight", 0))));
  keys.add("embedding_scale", bf16_to_f32(f32_to_bf16(root)));
  return {};
}

}  // namespace

const Family kRecurrentGemmaFamily = {.architecture = "recurrentgemma",
                                      .configurations = kConfigurations,
                                      .marker = "model.layers.0.channel_pre_norm.weight",
                                      .rules = kRules,
                                      .tied = Tied::kAlways,
                                      .describe = describe};

}  // namespace eddy::convert
