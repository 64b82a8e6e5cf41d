// The forms that RWKV's files come in, and what the loader says of wrong ones.
#include <gtest/gtest.h>

#include <algorithm>

#include "make_model/architectures.h"
#include "make_model/temporary_model.h"
#include "models/fake_ops.h"
#include "models/model.h"

namespace eddy {
namespace {

using make_model::Plan;
using make_model::TensorPlan;

Plan plan_of(std::string_view architecture, std::string_view shape = "tiny") {
  return *make_model::find_architecture(architecture)->plan(shape, DType::kF32);
}

TensorPlan& tensor_named(Plan& plan, std::string_view name) {
  return *std::ranges::find(plan.tensors, name, &TensorPlan::name);
}

void remove_tensors(Plan& plan, std::string_view part) {
  std::erase_if(plan.tensors, [&](const auto& t) { return t.name.find(part) != t.name.npos; });
}

void put_key(Plan& plan, const std::string& key, make_model::MetaValue value) {
  std::erase_if(plan.metadata, [&](const auto& m) { return m.key == key; });
  plan.add(key, std::move(value));
}

// The message of the error that loading gives; "" where it gives none.
std::string message_of(const Plan& plan) {
  const auto file = make_model::open_temporary(plan, 1);
  EXPECT_TRUE(file.ok()) << file.error().message;
  const auto model = load_model(*file, FakeOps());
  return model.ok() ? "" : model.error().message;
}

void expect_says(const Plan& plan, std::string_view text) {
  const std::string message = message_of(plan);
  EXPECT_NE(message.find(text), std::string::npos) << message;
}

TEST(RwkvLoading, StatesAreASquareForEachHeadAndTheShifts) {
  for (const auto& [name, n_shifts] : {std::pair("rwkv6", 2u), std::pair("rwkv7", 2u),
                                       std::pair("rwkv6qwen2", 1u), std::pair("arwkv7", 1u)}) {
    const auto file = make_model::open_temporary(plan_of(name), 1);
    ASSERT_TRUE(file.ok());
    const auto model = load_model(*file, FakeOps());
    ASSERT_TRUE(model.ok()) << model.error().message;
    for (const auto& layer : (*model)->state_layout().layers) {
      EXPECT_EQ(layer.r_elems, 64u * 16) << name;
      EXPECT_EQ(layer.s_elems, n_shifts * 64) << name;
    }
  }
}

TEST(RwkvLoading, TakesShiftCountsThatItComputes) {
  Plan plan = plan_of("rwkv7");
  put_key(plan, "rwkv7.token_shift_count", std::uint32_t{2});
  EXPECT_EQ(message_of(plan), "");
  put_key(plan, "rwkv7.token_shift_count", std::uint32_t{1});
  expect_says(plan, "rwkv7.token_shift_count: 1, expected 2 .. 2");
  Plan hybrid = plan_of("arwkv7");
  put_key(hybrid, "arwkv7.token_shift_count", std::uint32_t{2});
  expect_says(hybrid, "arwkv7.token_shift_count: 2, expected 1 .. 1");
}

TEST(RwkvLoading, TheFirstBlockNeedsNoValueResidual) {
  Plan plan = plan_of("rwkv7", "tiny-odd");
  tensor_named(plan, "blk.0.time_mix_v1.weight").ne = {36, 3};
  expect_says(plan, "blk.0.time_mix_v1.weight: shape {36, 3}, expected {36, 7}");
  remove_tensors(plan, "blk.0.time_mix_v0");
  remove_tensors(plan, "blk.0.time_mix_v1");
  remove_tensors(plan, "blk.0.time_mix_v2");
  EXPECT_EQ(message_of(plan), "");
  remove_tensors(plan, "blk.1.time_mix_v1");
  expect_says(plan, "blk.1.time_mix_v1.weight: missing");
}

TEST(RwkvLoading, OnlyHybridsLackParts) {
  Plan plan = plan_of("rwkv7");
  remove_tensors(plan, "time_mix_g1");
  remove_tensors(plan, "blk.1.time_mix_ln");
  expect_says(plan, "blk.0.time_mix_g1.weight: missing");
  expect_says(plan, "blk.1.time_mix_ln.weight: missing");
  Plan hybrid = plan_of("arwkv7", "tiny-bare");
  tensor_named(hybrid, "blk.1.time_mix_lerp_fused.weight").ne = {36, 1, 1, 6};
  expect_says(hybrid, "blk.1.time_mix_lerp_fused.weight: shape {36, 1, 1, 6}, expected");
}

TEST(RwkvLoading, LerpsComeInOneOfTwoForms) {
  Plan both = plan_of("rwkv6", "tiny-odd");
  both.add_small("blk.1.time_mix_lerp_fused.weight", {36, 1, 1, 5}, make_model::uniform(0, 1));
  expect_says(both, "blk.1.time_mix_lerp_fused.weight: not part of rwkv6");
  Plan none = plan_of("rwkv6");
  remove_tensors(none, "blk.1.time_mix_lerp_fused");
  expect_says(none, "blk.1.time_mix_lerp_fused.weight: missing");
  Plan flat = plan_of("rwkv6");
  tensor_named(flat, "blk.0.time_mix_lerp_x.weight").ne = {64};
  EXPECT_EQ(message_of(flat), "");
}

TEST(RwkvLoading, HeadSizesDivideTheWidth) {
  for (const std::string name : {"rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"}) {
    for (const std::uint32_t head_size : {0u, 48u, 65u, 4096u}) {
      Plan plan = plan_of(name);
      put_key(plan, name + ".wkv.head_size", head_size);
      expect_says(plan, "wkv.head_size");
    }
  }
}

TEST(RwkvLoading, HeadsOfKeysDivideTheHeads) {
  Plan plan = plan_of("rwkv6qwen2");
  put_key(plan, "rwkv6qwen2.attention.head_count_kv", std::uint32_t{3});
  expect_says(plan, "attention.head_count_kv does not divide the number of heads");
  put_key(plan, "rwkv6qwen2.attention.head_count_kv", std::uint32_t{8});
  expect_says(plan, "attention.head_count_kv does not divide the number of heads");
}

TEST(RwkvLoading, TheBonusBelongsToRwkv6) {
  Plan plan = plan_of("rwkv6qwen2");
  plan.add_small("blk.0.time_mix_first.weight", {16, 4}, make_model::uniform(0, 1));
  expect_says(plan, "blk.0.time_mix_first.weight: not part of rwkv6qwen2");
  Plan without = plan_of("rwkv6");
  remove_tensors(without, "blk.0.time_mix_first");
  expect_says(without, "blk.0.time_mix_first.weight: missing");
}

TEST(RwkvLoading, SmallTensorsMayBeHalves) {
  for (const char* name : {"rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"}) {
    Plan plan = plan_of(name);
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      plan.tensors[i].type = i % 2 == 0 ? DType::kBF16 : DType::kF16;
    }
    EXPECT_EQ(message_of(plan), "") << name;
  }
}

TEST(RwkvLoading, EveryMissingTensorIsNamed) {
  for (const char* name : {"rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"}) {
    const Plan whole = plan_of(name);
    for (const TensorPlan& t : whole.tensors) {
      const bool is_optional = t.name.ends_with(".bias") || t.name == "output.weight" ||
                               t.name.starts_with("blk.0.time_mix_v") ||
                               t.name.find("time_mix_ln") != t.name.npos;
      if (is_optional || t.name.find("time_mix_g") != t.name.npos) continue;
      Plan plan = whole;
      remove_tensors(plan, t.name);
      expect_says(plan, t.name + ": missing");
    }
  }
}

}  // namespace
}  // namespace eddy
