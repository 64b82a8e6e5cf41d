// RWKV-7: the names of its author's checkpoints, and those of flash-linear-attention. The author's
// low rank matrices are (in, out), the others' (out, in).
//
// Block 0 has no value residual; the file has copies of its a0, a1 and a2 there, which nobody
// reads.
#include "convert/describe.h"
#include "convert/rules.h"

namespace eddy::convert {
namespace {

constexpr std::string_view kConfigurations[] = {"RWKV7ForCausalLM", "Rwkv7ForCausalLM",
                                                "RWKV7Model"};

#define EDDY_BLK "blk.{}."
#define EDDY_LERP EDDY_BLK "time_mix_lerp_fused.weight"
#define EDDY_ATT "blocks.{}.att."
constexpr Kind S = Kind::kSmall;
constexpr Kind M = Kind::kMatrix;
constexpr Form T = Form::kTransposed;

constexpr Rule kRules[] = {
    {"emb.weight", "token_embd.weight"},
    {"blocks.0.ln0.weight", "token_embd_norm.weight", S},
    {"blocks.0.ln0.bias", "token_embd_norm.bias", S},
    {"ln_out.weight", "output_norm.weight", S},
    {"ln_out.bias", "output_norm.bias", S},
    {"head.weight", "output.weight"},
    {"blocks.{}.ln1.weight", EDDY_BLK "attn_norm.weight", S},
    {"blocks.{}.ln1.bias", EDDY_BLK "attn_norm.bias", S},
    {"blocks.{}.ln2.weight", EDDY_BLK "attn_norm_2.weight", S},
    {"blocks.{}.ln2.bias", EDDY_BLK "attn_norm_2.bias", S},
    {EDDY_ATT "x_*", EDDY_LERP, S, Form::kStacked, Value::kSame, Layers::kAll, "rwkvag"},
    {EDDY_ATT "w0", EDDY_BLK "time_mix_w0.weight", S, Form::kFlat},
    {EDDY_ATT "w1", EDDY_BLK "time_mix_w1.weight", S, T},
    {EDDY_ATT "w2", EDDY_BLK "time_mix_w2.weight", S, T},
    {EDDY_ATT "a0", EDDY_BLK "time_mix_a0.weight", S, Form::kFlat},
    {EDDY_ATT "a1", EDDY_BLK "time_mix_a1.weight", M, T},
    {EDDY_ATT "a2", EDDY_BLK "time_mix_a2.weight", M, T},
    {EDDY_ATT "a0", EDDY_BLK "time_mix_v0.weight", S, Form::kFlat, Value::kSame, Layers::kFirst},
    {EDDY_ATT "a1", EDDY_BLK "time_mix_v1.weight", M, T, Value::kSame, Layers::kFirst},
    {EDDY_ATT "a2", EDDY_BLK "time_mix_v2.weight", M, T, Value::kSame, Layers::kFirst},
    {EDDY_ATT "v0", "", S, T, Value::kSame, Layers::kFirst},
    {EDDY_ATT "v1", "", S, T, Value::kSame, Layers::kFirst},
    {EDDY_ATT "v2", "", S, T, Value::kSame, Layers::kFirst},
    {EDDY_ATT "v0", EDDY_BLK "time_mix_v0.weight", S, Form::kFlat, Value::kSame, Layers::kLater},
    {EDDY_ATT "v1", EDDY_BLK "time_mix_v1.weight", M, T, Value::kSame, Layers::kLater},
    {EDDY_ATT "v2", EDDY_BLK "time_mix_v2.weight", M, T, Value::kSame, Layers::kLater},
    {EDDY_ATT "g1", EDDY_BLK "time_mix_g1.weight", M, T},
    {EDDY_ATT "g2", EDDY_BLK "time_mix_g2.weight", M, T},
    {EDDY_ATT "k_k", EDDY_BLK "time_mix_k_k.weight", S, Form::kFlat},
    {EDDY_ATT "k_a", EDDY_BLK "time_mix_k_a.weight", S, Form::kFlat},
    {EDDY_ATT "r_k", EDDY_BLK "time_mix_r_k.weight", S, Form::kFlat},
    {EDDY_ATT "receptance.weight", EDDY_BLK "time_mix_receptance.weight"},
    {EDDY_ATT "key.weight", EDDY_BLK "time_mix_key.weight"},
    {EDDY_ATT "value.weight", EDDY_BLK "time_mix_value.weight"},
    {EDDY_ATT "output.weight", EDDY_BLK "time_mix_output.weight"},
    {EDDY_ATT "ln_x.weight", EDDY_BLK "time_mix_ln.weight", S},
    {EDDY_ATT "ln_x.bias", EDDY_BLK "time_mix_ln.bias", S},
    {"blocks.{}.ffn.x_k", EDDY_BLK "channel_mix_lerp_k.weight", S, Form::kFlat},
    {"blocks.{}.ffn.key.weight", EDDY_BLK "channel_mix_key.weight"},
    {"blocks.{}.ffn.value.weight", EDDY_BLK "channel_mix_value.weight"},
};
#undef EDDY_ATT

#define EDDY_ATT "model.layers.{}.attn."
constexpr Rule kFlaRules[] = {
    {"model.embeddings.weight", "token_embd.weight"},
    {"model.layers.0.pre_norm.weight", "token_embd_norm.weight", S},
    {"model.layers.0.pre_norm.bias", "token_embd_norm.bias", S},
    {"model.norm.weight", "output_norm.weight", S},
    {"model.norm.bias", "output_norm.bias", S},
    {"lm_head.weight", "output.weight"},
    {"model.layers.{}.attn_norm.weight", EDDY_BLK "attn_norm.weight", S},
    {"model.layers.{}.attn_norm.bias", EDDY_BLK "attn_norm.bias", S},
    {"model.layers.{}.ffn_norm.weight", EDDY_BLK "attn_norm_2.weight", S},
    {"model.layers.{}.ffn_norm.bias", EDDY_BLK "attn_norm_2.bias", S},
    {EDDY_ATT "x_*", EDDY_LERP, S, Form::kStacked, Value::kSame, Layers::kAll, "rwkvag"},
    {EDDY_ATT "w_lora.lora.2.bias", EDDY_BLK "time_mix_w0.weight", S},
    {EDDY_ATT "w_lora.lora.0.weight", EDDY_BLK "time_mix_w1.weight", S},
    {EDDY_ATT "w_lora.lora.2.weight", EDDY_BLK "time_mix_w2.weight", S},
    {EDDY_ATT "a_lora.lora.2.bias", EDDY_BLK "time_mix_a0.weight", S},
    {EDDY_ATT "a_lora.lora.0.weight", EDDY_BLK "time_mix_a1.weight"},
    {EDDY_ATT "a_lora.lora.2.weight", EDDY_BLK "time_mix_a2.weight"},
    {EDDY_ATT "a_lora.lora.2.bias", EDDY_BLK "time_mix_v0.weight", S, Form::kReversed, Value::kSame,
     Layers::kFirst},
    {EDDY_ATT "a_lora.lora.0.weight", EDDY_BLK "time_mix_v1.weight", M, Form::kReversed,
     Value::kSame, Layers::kFirst},
    {EDDY_ATT "a_lora.lora.2.weight", EDDY_BLK "time_mix_v2.weight", M, Form::kReversed,
     Value::kSame, Layers::kFirst},
    {EDDY_ATT "v_lora.lora.2.bias", EDDY_BLK "time_mix_v0.weight", S, Form::kReversed, Value::kSame,
     Layers::kLater},
    {EDDY_ATT "v_lora.lora.0.weight", EDDY_BLK "time_mix_v1.weight", M, Form::kReversed,
     Value::kSame, Layers::kLater},
    {EDDY_ATT "v_lora.lora.2.weight", EDDY_BLK "time_mix_v2.weight", M, Form::kReversed,
     Value::kSame, Layers::kLater},
    {EDDY_ATT "g_lora.lora.0.weight", EDDY_BLK "time_mix_g1.weight"},
    {EDDY_ATT "g_lora.lora.2.weight", EDDY_BLK "time_mix_g2.weight"},
    {EDDY_ATT "k_k", EDDY_BLK "time_mix_k_k.weight", S, Form::kFlat},
    {EDDY_ATT "k_a", EDDY_BLK "time_mix_k_a.weight", S, Form::kFlat},
    {EDDY_ATT "r_k", EDDY_BLK "time_mix_r_k.weight", S, Form::kFlat},
    {EDDY_ATT "r_proj.weight", EDDY_BLK "time_mix_receptance.weight"},
    {EDDY_ATT "k_proj.weight", EDDY_BLK "time_mix_key.weight"},
    {EDDY_ATT "v_proj.weight", EDDY_BLK "time_mix_value.weight"},
    {EDDY_ATT "o_proj.weight", EDDY_BLK "time_mix_output.weight"},
    {EDDY_ATT "g_norm.weight", EDDY_BLK "time_mix_ln.weight", S},
    {EDDY_ATT "g_norm.bias", EDDY_BLK "time_mix_ln.bias", S},
    {"model.layers.{}.ffn.x_k", EDDY_BLK "channel_mix_lerp_k.weight", S, Form::kFlat},
    {"model.layers.{}.ffn.key.weight", EDDY_BLK "channel_mix_key.weight"},
    {"model.layers.{}.ffn.value.weight", EDDY_BLK "channel_mix_value.weight"},
};
#undef EDDY_ATT
#undef EDDY_LERP
#undef EDDY_BLK

// r_k is [heads, head size].
Status describe(const Checkpoint& checkpoint, const TensorPlan& plan, GgufWriter& writer) {
  Describer keys(checkpoint, plan, writer);
  const std::vector<std::int64_t>& r_k = plan.tensor("blk.0.time_mix_r_k.weight").sources[0]->shape;
  if (r_k.size() != 2) return keys.wrong("r_k: expected a shape [heads, head size]");
  keys.add_common();
  keys.add("feed_forward_length", plan.ne("blk.0.channel_mix_key.weight", 1));
  keys.add("attention.head_count", 0);
  keys.add("wkv.head_size", r_k[1]);
  keys.add("attention.decay_lora_rank", plan.ne("blk.0.time_mix_w1.weight", 1));
  keys.add("attention.iclr_lora_rank", plan.ne("blk.0.time_mix_a1.weight", 1));
  const char* const v1 =
      plan.n_layer() > 1 ? "blk.1.time_mix_v1.weight" : "blk.0.time_mix_v1.weight";
  keys.add("attention.value_residual_mix_lora_rank", plan.ne(v1, 1));
  keys.add("attention.gate_lora_rank", plan.ne("blk.0.time_mix_g1.weight", 1));
  keys.add("token_shift_count", 2);
  return keys.add_number("attention.layer_norm_epsilon", {"norm_eps", "layer_norm_epsilon"}, 1e-5);
}

}  // namespace

const Family kRwkv7Family = {.architecture = "rwkv7",
                             .configurations = kConfigurations,
                             .marker = "blocks.0.att.r_k",
                             .rules = kRules,
                             .tied = Tied::kNever,
                             .describe = describe};

const Family kRwkv7FlaFamily = {.architecture = "rwkv7",
                                .configurations = kConfigurations,
                                .marker = "model.layers.0.attn.r_k",
                                .rules = kFlaRules,
                                .tied = Tied::kNever,
                                .describe = describe};

}  // namespace eddy::convert
