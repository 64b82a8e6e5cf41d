// Mamba and FalconMamba: transformers' names; the original ones differ in the embedding alone.
#include "convert/describe.h"
#include "convert/rules.h"

namespace eddy::convert {
namespace {

constexpr std::string_view kConfigurations[] = {"MambaForCausalLM", "MambaLMHeadModel",
                                                "FalconMambaForCausalLM"};

#define EDDY_MIXER "backbone.layers.{}.mixer."
constexpr Rule kRules[] = {
    {"backbone.embeddings.weight|backbone.embedding.weight", "token_embd.weight"},
    {"backbone.norm_f.weight", "output_norm.weight", Kind::kSmall},
    {"lm_head.weight", "output.weight"},
    {"backbone.layers.{}.norm.weight", "blk.{}.attn_norm.weight", Kind::kSmall},
    {EDDY_MIXER "in_proj.weight", "blk.{}.ssm_in.weight"},
    {EDDY_MIXER "conv1d.weight", "blk.{}.ssm_conv1d.weight", Kind::kSmall, Form::kSqueezed},
    {EDDY_MIXER "conv1d.bias", "blk.{}.ssm_conv1d.bias", Kind::kSmall},
    {EDDY_MIXER "x_proj.weight", "blk.{}.ssm_x.weight"},
    {EDDY_MIXER "dt_proj.weight", "blk.{}.ssm_dt.weight"},
    {EDDY_MIXER "dt_proj.bias", "blk.{}.ssm_dt.bias", Kind::kSmall},
    {EDDY_MIXER "A_log", "blk.{}.ssm_a", Kind::kSmall, Form::kReversed, Value::kNegExp},
    {EDDY_MIXER "D", "blk.{}.ssm_d", Kind::kSmall},
    {EDDY_MIXER "out_proj.weight", "blk.{}.ssm_out.weight"},
};
#undef EDDY_MIXER

Status describe(const Checkpoint& checkpoint, const TensorPlan& plan, GgufWriter& writer) {
  Describer keys(checkpoint, plan, writer);
  keys.add_common();
  keys.add("feed_forward_length", 0);
  keys.add("attention.head_count", 0);
  keys.add("ssm.conv_kernel", plan.ne("blk.0.ssm_conv1d.weight", 0));
  keys.add("ssm.inner_size", plan.ne("blk.0.ssm_a", 1));
  keys.add("ssm.state_size", plan.ne("blk.0.ssm_a", 0));
  keys.add("ssm.time_step_rank", plan.ne("blk.0.ssm_dt.weight", 0));
  keys.add("ssm.dt_b_c_rms", checkpoint.architecture() == "FalconMambaForCausalLM" ||
                                 checkpoint.model_type() == "falcon_mamba");
  return keys.add_number("attention.layer_norm_rms_epsilon", {"layer_norm_epsilon", "rms_norm_eps"},
                         1e-5);
}

}  // namespace

const Family kMambaFamily = {.architecture = "mamba",
                             .configurations = kConfigurations,
                             .marker = "backbone.layers.0.mixer.x_proj.weight",
                             .rules = kRules,
                             .describe = describe};

}  // namespace eddy::convert
