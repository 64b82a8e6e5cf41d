// What the loader says about files that are wrong in one place or in many.
#include "models/loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "make_model/architectures.h"
#include "make_model/temporary_model.h"
#include "models/fake_ops.h"

namespace eddy {
namespace {

using make_model::Plan;

Plan tiny(std::string_view architecture, DType type = DType::kF32) {
  return *make_model::find_architecture(architecture)->plan("tiny", type);
}

make_model::TensorPlan& tensor(Plan& plan, std::string_view name) {
  return *std::ranges::find(plan.tensors, name, &make_model::TensorPlan::name);
}

void remove_tensor(Plan& plan, std::string_view name) {
  std::erase_if(plan.tensors, [&](const auto& t) { return t.name == name; });
}

void set_key(Plan& plan, std::string_view key, make_model::MetaValue value) {
  std::ranges::find(plan.metadata, key, &make_model::Meta::key)->value = std::move(value);
}

void remove_key(Plan& plan, std::string_view key) {
  std::erase_if(plan.metadata, [&](const auto& m) { return m.key == key; });
}

// The error of loading the plan's file.
Error error_of(const Plan& plan, const FakeOps& ops = {}) {
  const auto file = make_model::open_temporary(plan, 1);
  EXPECT_TRUE(file.ok()) << file.error().message;
  const auto model = load_model(*file, ops);
  return model.ok() ? Error{ErrorCode::kInvalidArgument, "no error"} : model.error();
}

bool says(const Error& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

TEST(Loader, LoadsEveryTinyModel) {
  for (const auto& architecture : make_model::architectures()) {
    for (const std::string_view shape : architecture.shapes()) {
      if (!shape.starts_with("tiny")) continue;
      const auto file = make_model::open_temporary(*architecture.plan(shape, DType::kF32), 1);
      ASSERT_TRUE(file.ok()) << file.error().message;
      const auto model = load_model(*file, FakeOps());
      ASSERT_TRUE(model.ok()) << shape << ": " << model.error().message;
      EXPECT_EQ((*model)->info().architecture, architecture.name);
      EXPECT_EQ((*model)->state_layout().layers.size(),
                static_cast<std::size_t>((*model)->info().n_layer));
    }
  }
}

TEST(Loader, NamesAnUnknownArchitecture) {
  Plan plan = tiny("mamba");
  set_key(plan, "general.architecture", std::string("llama"));
  const Error error = error_of(plan);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_TRUE(says(error, "\"llama\"")) << error.message;
  EXPECT_TRUE(says(error, "mamba2")) << error.message;
}

TEST(Loader, ReportsEverythingAtOnce) {
  Plan plan = tiny("mamba2");
  remove_tensor(plan, "blk.0.ssm_d");
  tensor(plan, "blk.1.ssm_in.weight").ne = {64, 100};
  plan.add_small("blk.0.surplus.weight", {4}, make_model::uniform(0, 1));
  set_key(plan, "mamba2.ssm.conv_kernel", std::uint32_t{4});
  const Error error = error_of(plan);
  EXPECT_EQ(error.code, ErrorCode::kMalformed);
  EXPECT_TRUE(says(error, "blk.0.ssm_d: missing")) << error.message;
  EXPECT_TRUE(says(error, "blk.1.ssm_in.weight: shape {64, 100}, expected {64, 296}"))
      << error.message;
  EXPECT_TRUE(says(error, "blk.0.surplus.weight: not part of mamba2")) << error.message;
}

TEST(Loader, CountsWhatItDoesNotList) {
  Plan plan = tiny("mamba");
  std::erase_if(plan.tensors, [](const auto& t) { return t.name.starts_with("blk."); });
  const Error error = error_of(plan);
  EXPECT_TRUE(says(error, "blk.0.attn_norm.weight: missing")) << error.message;
  EXPECT_TRUE(says(error, "and 12 more")) << error.message;  // 2 layers of 10 tensors, 8 listed
}

TEST(Loader, NamesTypesThatCannotBeMultiplied) {
  FakeOps ops;
  ops.computable = {DType::kF32};
  const Error error = error_of(tiny("mamba", DType::kQ8_0), ops);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_TRUE(says(error, "blk.0.ssm_in.weight: type Q8_0 cannot be computed yet"))
      << error.message;
}

TEST(Loader, RefusesSmallTensorsOfBlockTypes) {
  Plan plan = tiny("mamba");
  tensor(plan, "blk.0.attn_norm.weight").type = DType::kQ8_0;
  const Error error = error_of(plan);
  EXPECT_TRUE(says(error, "blk.0.attn_norm.weight: type Q8_0, expected F32, F16 or BF16"))
      << error.message;
}

TEST(Loader, TakesSmallTensorsOfHalfPrecision) {
  Plan plan = tiny("mamba2");
  for (auto& t : plan.tensors) t.type = t.name.ends_with("a") ? DType::kBF16 : DType::kF16;
  const auto file = make_model::open_temporary(plan, 1);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_TRUE(load_model(*file, FakeOps()).ok());
}

TEST(Loader, ChecksHyperParameters) {
  const auto error_with = [](std::string_view key, std::uint32_t value) {
    Plan plan = tiny("mamba2");
    set_key(plan, key, value);
    return error_of(plan).message;
  };
  const auto expect = [](const std::string& message, std::string_view text) {
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  expect(error_with("mamba2.block_count", 0), "mamba2.block_count: 0, expected 1 .. 512");
  expect(error_with("mamba2.block_count", 513), "mamba2.block_count: 513, expected 1 .. 512");
  expect(error_with("mamba2.embedding_length", 0), "mamba2.embedding_length: 0, expected 1 ..");
  expect(error_with("mamba2.ssm.conv_kernel", 1), "mamba2.ssm.conv_kernel: 1, expected 2 .. 16");
  expect(error_with("mamba2.ssm.conv_kernel", 17), "mamba2.ssm.conv_kernel: 17, expected 2 .. 16");
  expect(error_with("mamba2.ssm.state_size", 0), "mamba2.ssm.state_size: 0, expected 1 .. 4096");
  expect(error_with("mamba2.ssm.inner_size", 0xFFFFFFFF), "mamba2.ssm.inner_size: 4294967295");
  expect(error_with("mamba2.ssm.time_step_rank", 0), "mamba2.ssm.time_step_rank: 0, expected 1 ..");
  expect(error_with("mamba2.ssm.time_step_rank", 7),
         "ssm.time_step_rank does not divide ssm.inner_size");
  expect(error_with("mamba2.ssm.group_count", 3),
         "ssm.group_count does not divide ssm.time_step_rank");
  expect(error_with("mamba2.ssm.group_count", 0), "mamba2.ssm.group_count: 0, expected 1 ..");
}

TEST(Loader, ChecksKindsOfHyperParameters) {
  Plan plan = tiny("mamba");
  remove_key(plan, "mamba.ssm.inner_size");
  set_key(plan, "mamba.ssm.state_size", std::string("sixteen"));
  set_key(plan, "mamba.ssm.dt_b_c_rms", std::uint32_t{1});
  set_key(plan, "mamba.attention.layer_norm_rms_epsilon", 0.0F);
  const Error error = error_of(plan);
  EXPECT_EQ(error.code, ErrorCode::kMalformed);
  EXPECT_TRUE(says(error, "mamba.ssm.inner_size: missing")) << error.message;
  EXPECT_TRUE(says(error, "mamba.ssm.state_size")) << error.message;
  EXPECT_TRUE(says(error, "mamba.ssm.dt_b_c_rms")) << error.message;
  EXPECT_TRUE(says(error, "mamba.attention.layer_norm_rms_epsilon: 0, expected above 0"))
      << error.message;
}

TEST(Loader, VocabularyIsTheTokenList) {
  Plan plan = tiny("mamba");
  remove_key(plan, "tokenizer.ggml.tokens");
  EXPECT_TRUE(says(error_of(plan), "mamba.vocab_size: missing"));
  plan.add("mamba.vocab_size", std::uint32_t{288});
  EXPECT_EQ(error_of(plan).message, "no error");
}

TEST(Loader, InfoSaysWhatIsInTheFile) {
  const auto file = make_model::open_temporary(tiny("mamba"), 1);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto model = load_model(*file, FakeOps());
  ASSERT_TRUE(model.ok()) << model.error().message;
  const ModelInfo& info = (*model)->info();
  EXPECT_EQ(info.architecture, "mamba");
  EXPECT_EQ(info.name, "random mamba tiny");
  EXPECT_EQ(info.n_layer, 2);
  EXPECT_EQ(info.n_embd, 64);
  EXPECT_EQ(info.n_vocab, 288);
  EXPECT_EQ(info.context_length, 1 << 20);
  // By hand from section 3.1 of the format: E = 128, N = 16, R = 4, K = 4.
  const std::uint64_t layer =
      64 + 64 * 256 + 4 * 128 + 128 + 128 * 36 + 4 * 128 + 128 + 16 * 128 + 128 + 128 * 64;
  const std::uint64_t n_parameters = 2 * layer + 64 * 288 + 64;
  EXPECT_EQ(info.n_parameters, n_parameters);
  EXPECT_EQ(info.n_weight_bytes, 4 * n_parameters);
  EXPECT_EQ(info.n_token_bytes, 4 * n_parameters);  // tied: the embedding is read as the output
  EXPECT_EQ(info.per_output.f32, 64 * 288);
  EXPECT_EQ(info.per_token.f32, static_cast<double>(n_parameters - 64 * 288));
  EXPECT_EQ(info.per_token.int8 + info.per_output.int8, 0);
}

}  // namespace
}  // namespace eddy
