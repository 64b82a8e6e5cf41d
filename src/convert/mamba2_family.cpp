// Mamba-2: transformers' names; the original ones differ in the embedding alone.
#include "convert/describe.h"
#include "convert/rules.h"

namespace eddy::convert {
namespace {

constexpr std::string_view kConfigurations[] = {"Mamba2ForCausalLM", "MambaForCausalLM",
                                                "MambaLMHeadModel"};

#define EDDY_MIXER "backbone.layers.{}.mixer."
constexpr Rule kRules[] = {
    {"backbone.embeddings.weight|backbone.embedding.weight", "token_embd.weight"},
    {"backbone.norm_f.weight", "output_norm.weight", Kind::kSmall},
    {"lm_head.weight", "output.weight"},
    {"backbone.layers.{}.norm.weight", "blk.{}.attn_norm.weight", Kind::kSmall},
    {EDDY_MIXER "in_proj.weight", "blk.{}.ssm_in.weight"},
    {EDDY_MIXER "conv1d.weight", "blk.{}.ssm_conv1d.weight", Kind::kSmall, Form::kSqueezed},
    {EDDY_MIXER "conv1d.bias", "blk.{}.ssm_conv1d.bias", Kind::kSmall},
    {EDDY_MIXER "dt_bias", "blk.{}.ssm_dt.bias", Kind::kSmall},
    {EDDY_MIXER "A_log", "blk.{}.ssm_a", Kind::kSmall, Form::kColumn, Value::kNegExp},
    {EDDY_MIXER "D", "blk.{}.ssm_d", Kind::kSmall, Form::kColumn},
    {EDDY_MIXER "norm.weight", "blk.{}.ssm_norm.weight", Kind::kSmall, Form::kGroups},
    {EDDY_MIXER "out_proj.weight", "blk.{}.ssm_out.weight"},
};
#undef EDDY_MIXER

// Steps that a configuration limits are not what the models compute. [0, Infinity], which is no
// limit, reads as [0, null].
bool has_time_step_limit(const Checkpoint& checkpoint) {
  const auto limit = checkpoint.config().find("time_step_limit");
  if (limit == checkpoint.config().end() || !limit->is_array() || limit->size() != 2) return false;
  return (*limit)[0] != 0 || (*limit)[1].is_number();
}

// The convolution runs over x, B and C: d_inner + 2 n_group d_state channels.
Status describe(const Checkpoint& checkpoint, const TensorPlan& plan, GgufWriter& writer) {
  Describer keys(checkpoint, plan, writer);
  const std::int64_t n_group = plan.ne("blk.0.ssm_norm.weight", 1);
  const std::int64_t d_inner = plan.ne("blk.0.ssm_norm.weight", 0) * n_group;
  const std::int64_t n_b_c = plan.ne("blk.0.ssm_conv1d.weight", 1) - d_inner;
  if (n_b_c <= 0 || n_b_c % (2 * n_group) != 0) {
    return keys.wrong(
        fmt::format("{} channels of B and C, expected 2 for each of {} groups", n_b_c, n_group));
  }
  if (has_time_step_limit(checkpoint)) return keys.wrong("time_step_limit: expected none");
  keys.add_common();
  keys.add("feed_forward_length", 0);
  keys.add("attention.head_count", 0);
  keys.add("ssm.conv_kernel", plan.ne("blk.0.ssm_conv1d.weight", 0));
  keys.add("ssm.inner_size", d_inner);
  keys.add("ssm.state_size", n_b_c / (2 * n_group));
  keys.add("ssm.time_step_rank", plan.ne("blk.0.ssm_a", 1));
  keys.add("ssm.group_count", n_group);
  return keys.add_number("attention.layer_norm_rms_epsilon", {"layer_norm_epsilon", "rms_norm_eps"},
                         1e-5);
}

}  // namespace

const Family kMamba2Family = {.architecture = "mamba2",
                              .configurations = kConfigurations,
                              .marker = "backbone.layers.0.mixer.dt_bias",
                              .rules = kRules,
                              .describe = describe};

}  // namespace eddy::convert
