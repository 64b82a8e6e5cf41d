// RWKV-7 in both namings: each tensor of the converted file against what the format says of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/support/fails_with.h"
#include "convert/support/built_checkpoint.h"
#include "convert/support/converted.h"

namespace eddy::test {
namespace {

// Of a matrix in row order [rows, columns].
Floats transposed(const HfTensor& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const auto columns = static_cast<std::size_t>(tensor.shape[1]);
  Floats out;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = 0; r < rows; ++r) out.push_back(tensor.values[r * columns + c]);
  }
  return out;
}

// --- RWKV-7: C 64, head size 16, feed forward 128, ranks 8, 12, 4 and 20 --------------

constexpr std::int64_t C = 64, F = 128, V = 260;

struct Names {
  std::string gguf, author, fla;
};
const std::vector<Names> kRanks = {
    {"w", "w", "w_lora"}, {"a", "a", "a_lora"}, {"v", "v", "v_lora"}};
const std::vector<Names> kVectors = {
    {"attn_norm.weight", "ln1.weight", "attn_norm.weight"},
    {"attn_norm.bias", "ln1.bias", "attn_norm.bias"},
    {"attn_norm_2.weight", "ln2.weight", "ffn_norm.weight"},
    {"attn_norm_2.bias", "ln2.bias", "ffn_norm.bias"},
    {"time_mix_k_k.weight", "att.k_k", "attn.k_k"},
    {"time_mix_k_a.weight", "att.k_a", "attn.k_a"},
    {"time_mix_ln.weight", "att.ln_x.weight", "attn.g_norm.weight"},
    {"time_mix_ln.bias", "att.ln_x.bias", "attn.g_norm.bias"},
    {"channel_mix_lerp_k.weight", "ffn.x_k", "ffn.x_k"}};
const std::vector<Names> kMatrices = {
    {"time_mix_receptance.weight", "att.receptance.weight", "attn.r_proj.weight"},
    {"time_mix_key.weight", "att.key.weight", "attn.k_proj.weight"},
    {"time_mix_value.weight", "att.value.weight", "attn.v_proj.weight"},
    {"time_mix_output.weight", "att.output.weight", "attn.o_proj.weight"}};

std::int64_t rank_of(char letter) {
  return letter == 'w' ? 8 : letter == 'a' ? 12 : letter == 'v' ? 4 : 20;
}

// The name of a tensor of a block.
std::string rwkv_name(bool is_fla, int il, const std::string& rest) {
  return fmt::format("{}.{}.{}", is_fla ? "model.layers" : "blocks", il, rest);
}

void add_rwkv_block(BuiltCheckpoint& rwkv, bool is_fla, int il) {
  const auto name = [&](const std::string& rest) { return rwkv_name(is_fla, il, rest); };
  const std::string att = is_fla ? "attn." : "att.";
  for (const Names& n : kVectors) {
    const bool is_wide =
        n.author.ends_with("k_k") || n.author.ends_with("k_a") || n.author.ends_with("x_k");
    rwkv.add_random(name(is_fla ? n.fla : n.author), is_wide ? Shape{1, 1, C} : Shape{C});
  }
  for (const Names& n : kMatrices) rwkv.add_random(name(is_fla ? n.fla : n.author), {C, C});
  for (const char letter : std::string("rwkvag")) {
    rwkv.add_random(name(att + "x_" + letter), {1, 1, C});
  }
  rwkv.add_random(name(att + "r_k"), {C / 16, 16});
  rwkv.add_random(name("ffn.key.weight"), {F, C});
  rwkv.add_random(name("ffn.value.weight"), {C, F});
  for (const char letter : std::string("wavg")) {
    if (letter == 'v' && il == 0) continue;
    const std::int64_t rank = rank_of(letter);
    const std::string l(1, letter);
    if (is_fla) {
      rwkv.add_random(name(att + l + "_lora.lora.0.weight"), {rank, C});
      rwkv.add_random(name(att + l + "_lora.lora.2.weight"), {C, rank});
      if (letter != 'g') rwkv.add_random(name(att + l + "_lora.lora.2.bias"), {C});
    } else {
      rwkv.add_random(name(att + l + "1"), {C, rank});
      rwkv.add_random(name(att + l + "2"), {rank, C});
      if (letter != 'g') rwkv.add_random(name(att + l + "0"), {1, 1, C});
    }
  }
}

BuiltCheckpoint& fill_rwkv(BuiltCheckpoint& rwkv, bool is_fla) {
  const auto ln0 = [&](const char* end) {
    return is_fla ? fmt::format("model.layers.0.pre_norm.{}", end)
                  : fmt::format("blocks.0.ln0.{}", end);
  };
  rwkv.config = {{"architectures", {"RWKV7ForCausalLM"}}, {"norm_eps", 2e-5}};
  rwkv.add_random(is_fla ? "model.embeddings.weight" : "emb.weight", {V, C});
  rwkv.add_random(is_fla ? "lm_head.weight" : "head.weight", {V, C});
  for (const char* end : {"weight", "bias"}) {
    rwkv.add_random(ln0(end), {C});
    rwkv.add_random(fmt::format("{}.{}", is_fla ? "model.norm" : "ln_out", end), {C});
  }
  for (int il = 0; il < 2; ++il) add_rwkv_block(rwkv, is_fla, il);
  rwkv.files["rwkv_vocab_v20230424.txt"] = rwkv_vocabulary();
  return rwkv;
}

void expect_ranks(const GgufFile& file, const BuiltCheckpoint& rwkv, bool is_fla, int il) {
  for (const char letter : std::string("wavg")) {
    // The first block has copies of a for v.
    const char from = letter == 'v' && il == 0 ? 'a' : letter;
    const std::int64_t rank = rank_of(from);
    const auto get = [&](const std::string& author, const std::string& fla) {
      const std::string rest = is_fla ? fmt::format("attn.{}_lora.lora.{}", from, fla)
                                      : fmt::format("att.{}{}", from, author);
      return rwkv.tensors.at(rwkv_name(is_fla, il, rest));
    };
    const auto target = [&](int i) {
      return fmt::format("blk.{}.time_mix_{}{}.weight", il, letter, i);
    };
    const HfTensor first = get("1", "0.weight"), second = get("2", "2.weight");
    expect_tensor(file, target(1), {C, rank}, is_fla ? first.values : transposed(first));
    expect_tensor(file, target(2), {rank, C}, is_fla ? second.values : transposed(second));
    if (letter != 'g') expect_tensor(file, target(0), {C}, get("0", "2.bias").values);
  }
}

TEST(RwkvConvert, GivesEachTensorAsTheFormatSays) {
  for (const bool is_fla : {false, true}) {
    BuiltCheckpoint rwkv;
    const auto file = converted(fill_rwkv(rwkv, is_fla));
    ASSERT_TRUE(succeeds(file));
    const auto& hf = rwkv.tensors;
    expect_tensor(*file, "token_embd.weight", {C, V},
                  hf.at(is_fla ? "model.embeddings.weight" : "emb.weight").values);
    expect_tensor(*file, "output.weight", {C, V},
                  hf.at(is_fla ? "lm_head.weight" : "head.weight").values);
    for (const std::string end : {"weight", "bias"}) {
      expect_tensor(*file, "token_embd_norm." + end, {C},
                    hf.at((is_fla ? "model.layers.0.pre_norm." : "blocks.0.ln0.") + end).values);
      expect_tensor(*file, "output_norm." + end, {C},
                    hf.at((is_fla ? "model.norm." : "ln_out.") + end).values);
    }
    for (int il = 0; il < 2; ++il) {
      const auto blk = [&](const std::string& rest) { return fmt::format("blk.{}.{}", il, rest); };
      const auto of = [&](const Names& n) {
        return hf.at(rwkv_name(is_fla, il, is_fla ? n.fla : n.author)).values;
      };
      for (const Names& n : kVectors) expect_tensor(*file, blk(n.gguf), {C}, of(n));
      for (const Names& n : kMatrices) expect_tensor(*file, blk(n.gguf), {C, C}, of(n));
      const std::string att = is_fla ? "attn." : "att.";
      Floats lerp;
      for (const char letter : std::string("rwkvag")) {
        const Floats& x = hf.at(rwkv_name(is_fla, il, att + "x_" + letter)).values;
        lerp.insert(lerp.end(), x.begin(), x.end());
      }
      expect_tensor(*file, blk("time_mix_lerp_fused.weight"), {C, 1, 1, 6}, lerp);
      expect_tensor(*file, blk("time_mix_r_k.weight"), {C},
                    hf.at(rwkv_name(is_fla, il, att + "r_k")).values);
      expect_tensor(*file, blk("channel_mix_key.weight"), {C, F},
                    hf.at(rwkv_name(is_fla, il, "ffn.key.weight")).values);
      expect_tensor(*file, blk("channel_mix_value.weight"), {F, C},
                    hf.at(rwkv_name(is_fla, il, "ffn.value.weight")).values);
      expect_ranks(*file, rwkv, is_fla, il);
    }
    EXPECT_EQ(file->tensors().size(), 6u + 2 * 28);
  }
}

TEST(RwkvConvert, SaysWhatTheModelIs) {
  BuiltCheckpoint rwkv;
  const auto file = converted(fill_rwkv(rwkv, false));
  ASSERT_TRUE(succeeds(file));
  EXPECT_EQ(*file->get<std::string_view>("general.architecture"), "rwkv7");
  for (const auto& [key, value] :
       std::map<std::string, std::uint32_t>{{"embedding_length", 64},
                                            {"block_count", 2},
                                            {"context_length", 1u << 20},
                                            {"feed_forward_length", 128},
                                            {"attention.head_count", 0},
                                            {"wkv.head_size", 16},
                                            {"attention.decay_lora_rank", 8},
                                            {"attention.iclr_lora_rank", 12},
                                            {"attention.value_residual_mix_lora_rank", 4},
                                            {"attention.gate_lora_rank", 20},
                                            {"token_shift_count", 2}}) {
    EXPECT_EQ(*file->get<std::uint32_t>("rwkv7." + key), value) << key;
  }
  EXPECT_EQ(*file->get<float>("rwkv7.attention.layer_norm_epsilon"), 2e-5F);
  EXPECT_EQ(*file->get<std::string_view>("tokenizer.ggml.model"), "rwkv");
  EXPECT_EQ(*file->get<std::uint32_t>("tokenizer.ggml.eos_token_id"), 0u);
}

TEST(RwkvConvert, KeepsSmallTensorsAtF32) {
  BuiltCheckpoint rwkv;
  fill_rwkv(rwkv, false).dtype = "BF16";
  const auto file = converted(rwkv, DType::kQ8_0);
  ASSERT_TRUE(succeeds(file));
  const auto type = [&](const std::string& name) {
    return file->find_tensor("blk.1." + name)->type;
  };
  EXPECT_EQ(type("time_mix_key.weight"), DType::kQ8_0);
  EXPECT_EQ(type("time_mix_a1.weight"), DType::kQ8_0);
  EXPECT_EQ(type("time_mix_a2.weight"), DType::kF16) << "rows of 12";
  for (const std::string name : {"w0", "w1", "w2", "lerp_fused", "r_k", "k_k"}) {
    EXPECT_EQ(type("time_mix_" + name + ".weight"), DType::kF32) << name;
  }
}

TEST(RwkvConvert, TakesBlock0WithAValueResidualToo) {
  BuiltCheckpoint rwkv;
  fill_rwkv(rwkv, false);
  for (const std::string name : {"v0", "v1", "v2"}) {
    rwkv.add_random("blocks.0.att." + name, {1, 1, C});
  }
  const auto file = converted(rwkv);
  ASSERT_TRUE(succeeds(file));
  expect_ranks(*file, rwkv, false, 0);
}

TEST(RwkvConvert, NeedsItsOutputAndAllParts) {
  BuiltCheckpoint rwkv;
  fill_rwkv(rwkv, false);
  rwkv.tensors.erase("head.weight");
  rwkv.tensors.erase("blocks.1.att.x_k");
  rwkv.tensors.erase("blocks.1.att.v1");
  EXPECT_TRUE(fails_with(converted(rwkv), ErrorCode::kMalformed,
                         {"missing blocks.1.att.x_k, blocks.1.att.v1"}));
  rwkv.add_random("blocks.1.att.x_k", {1, 1, C});
  rwkv.add_random("blocks.1.att.v1", {C, 4});
  EXPECT_TRUE(fails_with(converted(rwkv), ErrorCode::kMalformed, {"output's tensor is missing"}));
}

TEST(RwkvConvert, MakesAFileThatRuns) {
  for (const bool is_fla : {false, true}) {
    BuiltCheckpoint rwkv;
    EXPECT_TRUE(succeeds(run_converted(fill_rwkv(rwkv, is_fla), V)));
  }
}

}  // namespace
}  // namespace eddy::test
