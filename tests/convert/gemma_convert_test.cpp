// RecurrentGemma: each tensor of the converted file against what the format says of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/support/fails_with.h"
#include "convert/support/built_checkpoint.h"
#include "convert/support/converted.h"
#include "cpu/cpu_ops.h"
#include "models/model.h"
#include "tensor/ops.h"

namespace eddy::test {
namespace {

// --- RecurrentGemma: C 32, R 48, 3 heads of 8, feed forward 64 ----------------------------------

constexpr std::int64_t kWidth = 32, kLru = 48, kHeads = 3, kHeadDim = 8, kFf = 64, kVocab = 260;

BuiltCheckpoint& fill_gemma(BuiltCheckpoint& gemma) {
  gemma.config = {{"architectures", {"RecurrentGemmaForCausalLM"}},
                  {"num_attention_heads", kHeads},
                  {"num_hidden_layers", 4},
                  {"attention_window_size", 100},
                  {"logits_soft_cap", 20.0},
                  {"rms_norm_eps", 1e-6},
                  {"rope_parameters", {{"rope_theta", 5000.0}, {"partial_rotary_factor", 0.5}}},
                  {"block_types", {"recurrent", "recurrent", "attention"}}};
  gemma.add_random("model.embed_tokens.weight", {kVocab, kWidth});
  gemma.add_random("model.final_norm.weight", {kWidth});
  for (int il = 0; il < 4; ++il) {
    const std::string layer = fmt::format("model.layers.{}.", il);
    const auto linear = [&](const std::string& name, std::int64_t n_out, std::int64_t n_in,
                            bool has_bias = true) {
      gemma.add_random(layer + name + ".weight", {n_out, n_in});
      if (has_bias) gemma.add_random(layer + name + ".bias", {n_out});
    };
    gemma.add_random(layer + "temporal_pre_norm.weight", {kWidth});
    gemma.add_random(layer + "channel_pre_norm.weight", {kWidth});
    linear("mlp_block.gate_proj", kFf, kWidth);
    linear("mlp_block.up_proj", kFf, kWidth);
    linear("mlp_block.down_proj", kWidth, kFf);
    const std::string t = "temporal_block.";
    if (il == 2) {
      linear(t + "q_proj", kHeads * kHeadDim, kWidth, false);
      linear(t + "k_proj", kHeadDim, kWidth, false);
      linear(t + "v_proj", kHeadDim, kWidth, false);
      linear(t + "o_proj", kWidth, kHeads * kHeadDim);
      continue;
    }
    linear(t + "linear_x", kLru, kWidth);
    linear(t + "linear_y", kLru, kWidth);
    linear(t + "linear_out", kWidth, kLru);
    gemma.add_random(layer + t + "conv_1d.weight", {kLru, 1, 4});
    gemma.add_random(layer + t + "conv_1d.bias", {kLru});
    gemma.add_random(layer + t + "rg_lru.recurrent_param", {kLru}, -5, 25);
    for (const std::string gate : {"input_gate", "recurrent_gate"}) {
      gemma.add_random(layer + t + "rg_lru." + gate + "_weight", {kHeads, 16, 16});
      gemma.add_random(layer + t + "rg_lru." + gate + "_bias", {kHeads, 16});
    }
  }
  gemma.files["rwkv_vocab_v20230424.txt"] = rwkv_vocabulary();  // any vocabulary
  return gemma;
}

Floats changed(const HfTensor& tensor, float (*change)(float)) {
  Floats values = tensor.values;
  for (float& value : values) value = change(value);
  return values;
}

float plus_one(float w) { return 1 + w; }
float log_decay(float lambda) {
  const double x = lambda;
  return static_cast<float>(-8 * (x > 20 ? x : std::log1p(std::exp(x))));
}

// [h][in][out] to [h][out][in].
Floats gates_transposed(const HfTensor& tensor) {
  Floats out;
  for (std::size_t h = 0; h < kHeads; ++h) {
    for (std::size_t o = 0; o < 16; ++o) {
      for (std::size_t i = 0; i < 16; ++i) out.push_back(tensor.values[(h * 16 + i) * 16 + o]);
    }
  }
  return out;
}

TEST(GemmaConvert, GivesEachTensorAsTheFormatSays) {
  BuiltCheckpoint gemma;
  const auto file = converted(fill_gemma(gemma));
  ASSERT_TRUE(succeeds(file));
  const auto& hf = gemma.tensors;
  expect_tensor(*file, "token_embd.weight", {kWidth, kVocab},
                hf.at("model.embed_tokens.weight").values);
  expect_tensor(*file, "output_norm.weight", {kWidth},
                changed(hf.at("model.final_norm.weight"), plus_one));
  for (int il = 0; il < 4; ++il) {
    const auto of = [&](const std::string& rest) {
      return hf.at(fmt::format("model.layers.{}.{}", il, rest));
    };
    const auto expect = [&](const std::string& name, const Shape& ne, const Floats& values) {
      expect_tensor(*file, fmt::format("blk.{}.{}", il, name), ne, values);
    };
    const auto linear = [&](const std::string& name, const std::string& from, std::int64_t n_in,
                            std::int64_t n_out) {
      expect(name + ".weight", {n_in, n_out}, of(from + ".weight").values);
      if (hf.contains(fmt::format("model.layers.{}.{}.bias", il, from))) {
        expect(name + ".bias", {n_out}, of(from + ".bias").values);
      }
    };
    expect("attn_norm.weight", {kWidth}, changed(of("temporal_pre_norm.weight"), plus_one));
    expect("ffn_norm.weight", {kWidth}, changed(of("channel_pre_norm.weight"), plus_one));
    linear("ffn_gate", "mlp_block.gate_proj", kWidth, kFf);
    linear("ffn_up", "mlp_block.up_proj", kWidth, kFf);
    linear("ffn_down", "mlp_block.down_proj", kFf, kWidth);
    const std::string t = "temporal_block.";
    if (il == 2) {
      linear("attn_q", t + "q_proj", kWidth, kHeads * kHeadDim);
      linear("attn_k", t + "k_proj", kWidth, kHeadDim);
      linear("attn_v", t + "v_proj", kWidth, kHeadDim);
      linear("attn_output", t + "o_proj", kHeads * kHeadDim, kWidth);
      continue;
    }
    linear("rglru_x", t + "linear_x", kWidth, kLru);
    linear("rglru_y", t + "linear_y", kWidth, kLru);
    linear("ssm_out", t + "linear_out", kLru, kWidth);
    expect("ssm_conv1d.weight", {4, kLru}, of(t + "conv_1d.weight").values);
    expect("ssm_conv1d.bias", {kLru}, of(t + "conv_1d.bias").values);
    expect("rglru_a", {kLru}, changed(of(t + "rg_lru.recurrent_param"), log_decay));
    for (const auto& [to, from] :
         {std::pair("rglru_gate_x", "input_gate"), {"rglru_gate_a", "recurrent_gate"}}) {
      expect(std::string(to) + ".weight", {16, 16, kHeads},
             gates_transposed(of(t + "rg_lru." + from + "_weight")));
      expect(std::string(to) + ".bias", {kLru}, of(t + "rg_lru." + from + "_bias").values);
    }
  }
  EXPECT_EQ(file->tensors().size(), 2u + 4 * 8 + 5 + 3 * 13);
}

TEST(GemmaConvert, SaysWhatTheModelIs) {
  BuiltCheckpoint gemma;
  const auto file = converted(fill_gemma(gemma));
  ASSERT_TRUE(succeeds(file));
  const auto u32 = [&](const std::string& key) {
    return *file->get<std::uint32_t>("recurrentgemma." + key);
  };
  const auto f32 = [&](const std::string& key) {
    return *file->get<float>("recurrentgemma." + key);
  };
  EXPECT_EQ(u32("block_count"), 4u);
  EXPECT_EQ(u32("embedding_length"), 32u);
  EXPECT_EQ(u32("feed_forward_length"), 64u);
  EXPECT_EQ(u32("attention.head_count"), 3u);
  EXPECT_EQ(*file->get<std::vector<std::uint32_t>>("recurrentgemma.attention.head_count_kv"),
            (std::vector<std::uint32_t>{0, 0, 1, 0}));
  EXPECT_EQ(u32("attention.key_length"), 8u);
  EXPECT_EQ(u32("attention.value_length"), 8u);
  EXPECT_EQ(u32("attention.sliding_window"), 100u);
  EXPECT_EQ(u32("rope.dimension_count"), 4u);
  EXPECT_EQ(f32("rope.freq_base"), 5000);
  EXPECT_EQ(u32("ssm.conv_kernel"), 4u);
  EXPECT_EQ(u32("ssm.inner_size"), 48u);
  EXPECT_EQ(u32("ssm.state_size"), 1u);
  EXPECT_EQ(f32("final_logit_softcapping"), 20);
  EXPECT_EQ(f32("attention.layer_norm_rms_epsilon"), 1e-6F);
  EXPECT_EQ(f32("embedding_scale"), 5.65625F) << "sqrt(32) = 5.65685, of which BF16 has 8 bits";
}

TEST(GemmaConvert, RefusesAnOutputOfItsOwn) {
  BuiltCheckpoint gemma;
  fill_gemma(gemma);
  gemma.tensors["lm_head.weight"] = gemma.tensors["model.embed_tokens.weight"];
  const auto tied = converted(gemma);
  ASSERT_TRUE(succeeds(tied));
  EXPECT_EQ(tied->find_tensor("output.weight"), nullptr);
  gemma.tensors["lm_head.weight"].values[0] += 1;
  EXPECT_TRUE(fails_with(converted(gemma), ErrorCode::kUnsupported,
                         {"lm_head.weight: other values than the embedding's"}));
}

TEST(GemmaConvert, MakesAFileThatLoads) {
  BuiltCheckpoint gemma;
  const auto file = converted(fill_gemma(gemma));
  ASSERT_TRUE(succeeds(file));
  const auto ops = make_cpu_ops({.n_threads = 1});
  ASSERT_TRUE(succeeds(ops));
  EXPECT_TRUE(succeeds(load_model(*file, **ops)));
}

}  // namespace
}  // namespace eddy::test
