// What a RecurrentGemma file may say, and what the model makes of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "base/support/fails_with.h"
#include "make_model/architectures.h"
#include "make_model/temporary_model.h"
#include "models/fake_ops.h"
#include "models/model.h"

namespace eddy {
namespace {

using make_model::Plan;

const std::string kArch = "recurrentgemma.";

Plan tiny_gemma(std::string_view shape = "tiny") {
  return *make_model::find_architecture("recurrentgemma")->plan(shape, DType::kF32);
}

// The model, with the file that it needs.
struct Loaded {
  explicit Loaded(const Plan& plan)
      : file(make_model::open_temporary(plan, 1).value()), model(load_model(file, FakeOps())) {}
  GgufFile file;
  Result<std::unique_ptr<const Model>> model;

  std::vector<StateLayout::Layer> layers() const { return (*model)->state_layout().layers; }
};

// 'a' for a layer with attention, 'r' for a recurrent one.
std::string kinds(const Loaded& loaded) {
  std::string text;
  for (const StateLayout::Layer& layer : loaded.layers()) {
    EXPECT_EQ(layer.k_elems > 0, layer.v_elems > 0);
    EXPECT_NE(layer.k_elems > 0, layer.r_elems > 0);
    EXPECT_EQ(layer.r_elems > 0, layer.s_elems > 0);
    text += layer.k_elems > 0 ? 'a' : 'r';
  }
  return text;
}

TEST(RecurrentGemma, TheListOfHeadsSaysWhichLayersHaveAttention) {
  EXPECT_EQ(kinds(Loaded(tiny_gemma())), "rra");
  Plan plan = tiny_gemma();
  // The same tensors under other names: attention first.
  for (auto& tensor : plan.tensors) {
    if (tensor.name.starts_with("blk.0.")) tensor.name.replace(4, 1, "9");
    if (tensor.name.starts_with("blk.2.")) tensor.name.replace(4, 1, "0");
    if (tensor.name.starts_with("blk.9.")) tensor.name.replace(4, 1, "2");
  }
  plan.set(kArch + "attention.head_count_kv", std::vector<std::int32_t>{1, 0, 0});
  EXPECT_EQ(kinds(Loaded(plan)), "arr");
}

TEST(RecurrentGemma, WithoutAListEveryThirdLayerHasAttention) {
  const Loaded loaded(tiny_gemma("tiny-grouped"));
  EXPECT_EQ(kinds(loaded), "rrarra");
  EXPECT_EQ(loaded.layers()[2].k_elems, 2U * 64);
  // No number at all: as many heads of K and V as of Q.
  Plan plan = tiny_gemma("tiny-odd");
  std::erase_if(plan.metadata,
                [](const auto& meta) { return meta.key.ends_with("head_count_kv"); });
  EXPECT_EQ(kinds(Loaded(plan)), "rrar");
}

TEST(RecurrentGemma, ATokenSeesTheWindowBeforeItAndItself) {
  EXPECT_EQ(Loaded(tiny_gemma()).layers()[2].window, 39 + 1);
}

TEST(RecurrentGemma, ThePublishedEmbeddingScalesAreRoundedRoots) {
  for (const auto& [shape, n_embd] : {std::pair("2b", 2560.0f), std::pair("9b", 4096.0f)}) {
    const Plan plan = tiny_gemma(shape);
    const auto* meta =
        &*std::ranges::find(plan.metadata, kArch + "embedding_scale", &make_model::Meta::key);
    EXPECT_EQ(std::get<float>(meta->value), bf16_to_f32(f32_to_bf16(std::sqrt(n_embd))));
  }
}

TEST(RecurrentGemma, GoesByOtherNames) {
  for (const std::string name : {"griffin", "recurrent-gemma", "recurrent_gemma"}) {
    Plan plan = tiny_gemma();
    plan.set("general.architecture", name);
    for (auto& meta : plan.metadata) {
      if (meta.key.starts_with(kArch)) meta.key = name + "." + meta.key.substr(kArch.size());
    }
    const Loaded loaded(plan);
    ASSERT_TRUE(test::succeeds(loaded.model)) << name;
    EXPECT_EQ((*loaded.model)->info().architecture, name);
  }
}

TEST(RecurrentGemma, SaysWhatIsWrong) {
  const auto error = [](std::string_view key, make_model::MetaValue value) {
    Plan plan = tiny_gemma();
    plan.set(kArch + std::string(key), value);
    return Loaded(plan).model;
  };
  constexpr ErrorCode kMalformed = ErrorCode::kMalformed;
  EXPECT_TRUE(test::fails_with(error("attention.head_count_kv", std::vector<std::int32_t>{0, 1}),
                               kMalformed, {"head_count_kv: 2 layers, expected 3"}));
  EXPECT_TRUE(
      test::fails_with(error("attention.head_count_kv", std::vector<std::int32_t>{0, 0, -1}),
                       kMalformed, {"head_count_kv: -1, expected 0 .. 4"}));
  EXPECT_TRUE(test::fails_with(error("attention.head_count_kv", std::vector<std::int32_t>{0, 0, 3}),
                               kMalformed, {"head_count_kv does not divide"}));
  EXPECT_TRUE(test::fails_with(error("rope.dimension_count", std::uint32_t{34}), kMalformed,
                               {"rope.dimension_count"}));
  EXPECT_TRUE(
      test::fails_with(error("rope.freq_base", 0.5f), kMalformed, {"rope.freq_base: below 1"}));
  EXPECT_TRUE(test::fails_with(error("ssm.inner_size", std::uint32_t{66}), kMalformed,
                               {"does not divide ssm.inner_size"}));
  Plan growing = tiny_gemma();
  for (auto& tensor : growing.tensors) {
    if (tensor.name == "blk.1.rglru_a") tensor.values = make_model::uniform(0.1, 1);
  }
  EXPECT_TRUE(test::fails_with(Loaded(growing).model, kMalformed, {"rglru_a: above 0"}));
}

}  // namespace
}  // namespace eddy
