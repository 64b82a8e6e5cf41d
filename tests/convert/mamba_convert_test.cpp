// Mamba and Mamba-2: a random model is taken back to the names and shapes of its checkpoint and
// converted again. Its tensors are those that were, and its logits those of the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/support/fails_with.h"
#include "convert/convert.h"
#include "convert/support/built_checkpoint.h"
#include "eddy/engine.h"
#include "make_model/architectures.h"
#include "make_model/temporary_model.h"
#include "reference/reference.h"
#include "tensor/encode.h"

namespace eddy::test {
namespace {

// How a tensor of the file looks in the checkpoint.
enum class Back { kSame, kLog, kConv, kFlat, kFlatLog };

struct Name {
  std::string gguf, hf;
  Back back = Back::kSame;
};

const std::vector<Name> kEnds = {{"token_embd.weight", "backbone.embeddings.weight"},
                                 {"output_norm.weight", "backbone.norm_f.weight"},
                                 {"output.weight", "lm_head.weight"}};
const std::vector<Name> kMamba = {{"attn_norm.weight", "norm.weight"},
                                  {"ssm_in.weight", "mixer.in_proj.weight"},
                                  {"ssm_conv1d.weight", "mixer.conv1d.weight", Back::kConv},
                                  {"ssm_conv1d.bias", "mixer.conv1d.bias"},
                                  {"ssm_x.weight", "mixer.x_proj.weight"},
                                  {"ssm_dt.weight", "mixer.dt_proj.weight"},
                                  {"ssm_dt.bias", "mixer.dt_proj.bias"},
                                  {"ssm_a", "mixer.A_log", Back::kLog},
                                  {"ssm_d", "mixer.D"},
                                  {"ssm_out.weight", "mixer.out_proj.weight"}};
const std::vector<Name> kMamba2 = {{"attn_norm.weight", "norm.weight"},
                                   {"ssm_in.weight", "mixer.in_proj.weight"},
                                   {"ssm_conv1d.weight", "mixer.conv1d.weight", Back::kConv},
                                   {"ssm_conv1d.bias", "mixer.conv1d.bias"},
                                   {"ssm_dt.bias", "mixer.dt_bias"},
                                   {"ssm_a", "mixer.A_log", Back::kFlatLog},
                                   {"ssm_d", "mixer.D", Back::kFlat},
                                   {"ssm_norm.weight", "mixer.norm.weight", Back::kFlat},
                                   {"ssm_out.weight", "mixer.out_proj.weight"}};

HfTensor taken_back(const GgufTensor& tensor, Back back) {
  HfTensor hf{.shape = {}, .values = floats_of(tensor)};
  for (int i = tensor.n_dims - 1; i >= 0; --i)
    hf.shape.push_back(tensor.ne[static_cast<std::size_t>(i)]);
  const auto n = static_cast<std::int64_t>(hf.values.size());
  if (back == Back::kConv) hf.shape.insert(hf.shape.begin() + 1, 1);
  if (back == Back::kFlat || back == Back::kFlatLog) hf.shape = {n};
  if (back == Back::kLog || back == Back::kFlatLog) {
    for (float& a : hf.values) a = static_cast<float>(std::log(-double{a}));
  }
  return hf;
}

HfTensors checkpoint_of(const GgufFile& file, const std::vector<Name>& names) {
  HfTensors tensors;
  const auto add = [&](const std::string& gguf, const std::string& hf, Back back) {
    if (const auto* tensor = file.find_tensor(gguf)) tensors[hf] = taken_back(*tensor, back);
  };
  for (const Name& name : kEnds) add(name.gguf, name.hf, name.back);
  for (int il = 0;
       il < *file.get<std::int32_t>(
                std::string(*file.get<std::string_view>("general.architecture")) + ".block_count");
       ++il) {
    const std::string n = std::to_string(il);
    for (const Name& name : names) {
      add("blk." + n + "." + name.gguf, "backbone.layers." + n + "." + name.hf, name.back);
    }
  }
  return tensors;
}

struct Model {
  explicit Model(const std::string& architecture, const std::string& shape)
      : original(*make_model::open_temporary(
            *make_model::find_architecture(architecture)->plan(shape, DType::kF32), 1)) {
    checkpoint.tensors = checkpoint_of(original, architecture == "mamba" ? kMamba : kMamba2);
    checkpoint.files["tokenizer.json"] = tokenizer_json_of(original).dump();
    checkpoint.files["tokenizer_config.json"] =
        R"({"bos_token":"<|endoftext|>","eos_token":{"content":"<|endoftext|>"},)"
        R"("unk_token":"<|endoftext|>","chat_template":"{{ x }}"})";
  }

  std::string out() const { return folder.path("out.gguf"); }
  Status convert(std::optional<DType> type = {}) const {
    return convert_model(posix_file_system(),
                         {.folder = checkpoint.write(), .out = out(), .type = type});
  }
  Result<GgufFile> converted() const {
    const Status status = convert();
    return status ? GgufFile::open(posix_file_system(), out()) : status.error();
  }

  GgufFile original;
  BuiltCheckpoint checkpoint;
  TemporaryFolder folder;
};

// The shapes of make_model, each with what its config.json says.
struct Case {
  std::string architecture, shape, config;
};
const std::vector<Case> kCases = {
    {"mamba", "tiny", R"({"architectures":["MambaForCausalLM"],"num_hidden_layers":2})"},
    {"mamba", "tiny-odd", R"({"n_layer":3})"},
    {"mamba", "tiny-falcon",
     R"({"architectures":["FalconMambaForCausalLM"],"tie_word_embeddings":false,"expand":16})"},
    {"mamba2", "tiny", R"({"architectures":["Mamba2ForCausalLM"],"time_step_limit":[0.0,null]})"},
    {"mamba2", "tiny-grouped", R"({"n_groups":4,"layer_norm_epsilon":1e-5})"},
    {"mamba2", "tiny-odd", R"({"ssm_cfg":{"layer":"Mamba2","ngroups":2}})"},
    {"mamba2", "tiny-wide", "{}"},
};

void expect_same_tensors(const GgufFile& found, const GgufFile& expected) {
  EXPECT_EQ(found.tensors().size(), expected.tensors().size());
  for (const GgufTensor& tensor : expected.tensors()) {
    const GgufTensor* const other = found.find_tensor(tensor.name);
    ASSERT_TRUE(other) << tensor.name;
    EXPECT_EQ(other->ne, tensor.ne) << tensor.name;
    ASSERT_EQ(other->type, tensor.type) << tensor.name;
    if (tensor.name.ends_with("ssm_a")) {
      const auto a = floats_of(*other), b = floats_of(tensor);
      for (std::size_t i = 0; i < b.size(); ++i) ASSERT_NEAR(a[i] / b[i], 1, 1e-6) << tensor.name;
    } else {
      EXPECT_TRUE(std::ranges::equal(other->data, tensor.data)) << tensor.name;
    }
  }
}

TEST(MambaConvert, GivesTheTensorsBack) {
  for (const Case& c : kCases) {
    Model model(c.architecture, c.shape);
    model.checkpoint.config = nlohmann::json::parse(c.config);
    model.checkpoint.n_files = c.shape == "tiny" ? 1 : 3;
    const auto converted = model.converted();
    ASSERT_TRUE(succeeds(converted)) << c.config;
    expect_same_tensors(*converted, model.original);
    for (const GgufEntry& entry : model.original.entries()) {
      if (entry.key == "general.name" || entry.key == "tokenizer.ggml.pre") continue;
      const GgufValue* const value = converted->find(entry.key);
      ASSERT_TRUE(value) << entry.key;
      ASSERT_EQ(gguf_type(*value), gguf_type(entry.value)) << entry.key;
      std::visit(
          [&]<class T>(const T& expected) {
            if constexpr (std::is_same_v<T, GgufArray>) {
              EXPECT_TRUE(std::ranges::equal(std::get<T>(*value).bytes, expected.bytes))
                  << entry.key;
            } else {
              EXPECT_EQ(std::get<T>(*value), expected) << entry.key;
            }
          },
          entry.value);
    }
    EXPECT_EQ(*converted->get<std::string_view>("tokenizer.ggml.pre"), "gpt-2");
    EXPECT_EQ(*converted->get<std::string_view>("tokenizer.chat_template"), "{{ x }}");
  }
}

reference::Logits logits_of(const std::string& path, std::span<const Token> tokens) {
  reference::Logits logits;
  auto engine = Engine::open(path, {.n_threads = 1});
  EXPECT_TRUE(succeeds(engine));
  EXPECT_TRUE(succeeds(engine->evaluate(tokens, [&](Pos, std::span<const float> row) {
    logits.emplace_back(row.begin(), row.end());
    return true;
  })));
  return logits;
}

TEST(MambaConvert, GivesTheLogitsOfTheReference) {
  std::vector<Token> tokens;
  for (int i = 0; i < 24; ++i) tokens.push_back(Token(i * 11 % 288));
  for (const Case& c : kCases) {
    Model model(c.architecture, c.shape);
    model.checkpoint.config = nlohmann::json::parse(c.config);
    ASSERT_TRUE(succeeds(model.convert()));
    const auto reference = reference::make_reference(model.original);
    const auto bound =
        reference::tolerance(*reference, tokens, {.arithmetic = reference::kUnitF32});
    const auto error =
        reference::distance(logits_of(model.out(), tokens), reference->logits(tokens, {}));
    EXPECT_LE(error.largest, bound.largest) << c.architecture << c.shape;
    EXPECT_LE(error.rms, bound.rms) << c.architecture << c.shape;
  }
}

TEST(MambaConvert, WritesEachType) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const std::string shape : {"tiny", "tiny-odd"}) {
      Model model("mamba", shape);
      const auto direct = *make_model::open_temporary(*make_model::plan_mamba(shape, type), 1);
      ASSERT_TRUE(succeeds(model.convert(type)));
      const auto converted = GgufFile::open(posix_file_system(), model.out());
      ASSERT_TRUE(succeeds(converted));
      expect_same_tensors(*converted, direct);
      EXPECT_EQ(*converted->get<std::uint32_t>("general.file_type"),
                *direct.get<std::uint32_t>("general.file_type"));
    }
  }
}

TEST(MambaConvert, WritesMatricesInBlocks) {
  Model model("mamba", "tiny-odd");
  ASSERT_TRUE(succeeds(model.convert(DType::kQ8_0)));
  const auto file = GgufFile::open(posix_file_system(), model.out());
  ASSERT_TRUE(succeeds(file));
  for (const GgufTensor& tensor : file->tensors()) {
    const GgufTensor& original = *model.original.find_tensor(tensor.name);
    if (tensor.name.ends_with("ssm_a")) continue;
    std::vector<std::byte> expected(tensor.data.size());
    encode(tensor.type, floats_of(original), expected.data());
    EXPECT_TRUE(std::ranges::equal(tensor.data, expected)) << tensor.name;
  }
  const auto type = [&](const char* name) { return file->find_tensor(name)->type; };
  EXPECT_EQ(type("token_embd.weight"), DType::kF16) << "rows of 36";
  EXPECT_EQ(type("blk.0.ssm_dt.weight"), DType::kF16) << "rows of 5";
  EXPECT_EQ(type("blk.0.ssm_d"), DType::kF32);
  Model even("mamba", "tiny");
  ASSERT_TRUE(succeeds(even.convert(DType::kQ8_0)));
  const auto blocks = GgufFile::open(posix_file_system(), even.out());
  ASSERT_TRUE(succeeds(blocks));
  EXPECT_EQ(blocks->find_tensor("blk.0.ssm_in.weight")->type, DType::kQ8_0);
  EXPECT_EQ(*blocks->get<std::uint32_t>("general.file_type"), 7u);
}

TEST(MambaConvert, KeepsTheTypeUnlessToldOtherwise) {
  for (const auto& [dtype, type] : std::vector<std::pair<std::string, DType>>{
           {"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}}) {
    Model model("mamba", "tiny");
    model.checkpoint.dtype = dtype;
    const auto converted = model.converted();
    ASSERT_TRUE(succeeds(converted));
    EXPECT_EQ(converted->find_tensor("blk.0.ssm_in.weight")->type, type);
    EXPECT_EQ(converted->find_tensor("blk.0.ssm_a")->type, DType::kF32);
    EXPECT_EQ(converted->find_tensor("blk.0.ssm_conv1d.weight")->type, DType::kF32);
  }
}

TEST(MambaConvert, KnowsTheOriginalNames) {
  Model model("mamba2", "tiny");
  auto& tensors = model.checkpoint.tensors;
  HfTensors renamed;
  for (auto& [name, tensor] : tensors) renamed["model." + name] = tensor;
  tensors = renamed;
  tensors["model.backbone.embedding.weight"] = tensors["model.backbone.embeddings.weight"];
  tensors.erase("model.backbone.embeddings.weight");
  const auto converted = model.converted();
  ASSERT_TRUE(succeeds(converted));
  expect_same_tensors(*converted, model.original);
}

TEST(MambaConvert, LeavesAnOutputOutThatIsTheEmbedding) {
  Model model("mamba", "tiny");
  auto& tensors = model.checkpoint.tensors;
  tensors["lm_head.weight"] = tensors["backbone.embeddings.weight"];
  EXPECT_EQ(model.converted()->find_tensor("output.weight"), nullptr);
  tensors["lm_head.weight"].values[0] += 1;
  EXPECT_NE(model.converted()->find_tensor("output.weight"), nullptr);
  tensors.erase("lm_head.weight");
  model.checkpoint.config["tie_word_embeddings"] = false;
  EXPECT_TRUE(
      fails_with(model.convert(), ErrorCode::kMalformed, {"the output's tensor is missing"}));
}

TEST(MambaConvert, NamesAllThatIsMissingOrUnknown) {
  Model model("mamba", "tiny");
  auto& tensors = model.checkpoint.tensors;
  tensors.erase("backbone.layers.1.mixer.D");
  tensors.erase("backbone.norm_f.weight");
  tensors["backbone.layers.0.mixer.in_proj.bias"] = {{1}, {0}};
  tensors["backbone.layers.2.norm.weight"] = {{1}, {0}};
  model.checkpoint.config["num_hidden_layers"] = 2;
  EXPECT_TRUE(fails_with(model.convert(), ErrorCode::kMalformed,
                         {"missing backbone.norm_f.weight, backbone.layers.1.mixer.D; unknown "
                          "backbone.layers.0.mixer.in_proj.bias, backbone.layers.2.norm.weight"}));
  EXPECT_EQ(model.folder.names().size(), 0u) << "no file, and none that was begun";
}

TEST(MambaConvert, RefusesWrongTensors) {
  const auto refuses = [](const std::function<void(HfTensors&)>& change, ErrorCode code,
                          std::string_view message, std::optional<DType> type = {}) {
    Model model("mamba", "tiny");
    change(model.checkpoint.tensors);
    EXPECT_TRUE(fails_with(model.convert(type), code, {message}));
    EXPECT_EQ(model.folder.names().size(), 0u);
  };
  const std::string d = "backbone.layers.1.mixer.D", in = "backbone.layers.0.mixer.in_proj.weight";
  refuses(
      [&](auto& t) {
        t[d] = {{2}, {0, 0}};
      },
      ErrorCode::kMalformed,
      "backbone.layers.1.mixer.D: shape [2], expected [128] as backbone.layers.0.mixer.D");
  refuses([&](auto& t) { t[in].shape = {256 * 64}; }, ErrorCode::kMalformed,
          "in_proj.weight: shape [16384], expected 2 extents");
  refuses(
      [&](auto& t) {
        t[in] = {{0, 64}, {}};
      },
      ErrorCode::kMalformed, "in_proj.weight: shape [0, 64], expected elements");
  refuses([&](auto& t) { t[in].values[7] = NAN; }, ErrorCode::kNonFinite,
          "in_proj.weight: nan, expected numbers");
  refuses([&](auto& t) { t[in].values[7] = 1e30F; }, ErrorCode::kUnsupported,
          "in_proj.weight: 1e+30 is beyond the numbers of F16", DType::kF16);
  refuses([](auto&) {}, ErrorCode::kInvalidArgument, "type Q4_0, expected F32", DType::kQ4_0);
}

TEST(MambaConvert, RefusesWrongConfigurations) {
  const auto refuses = [](const std::string& architecture, const std::string& config,
                          ErrorCode code, std::string_view message) {
    Model model(architecture, "tiny");
    model.checkpoint.config = nlohmann::json::parse(config);
    EXPECT_TRUE(fails_with(model.convert(), code, {message})) << config;
  };
  refuses("mamba", "[]", ErrorCode::kMalformed, "config.json: array, expected an object");
  refuses("mamba", R"({"architectures":["JambaForCausalLM"]})", ErrorCode::kUnsupported,
          "architectures: \"JambaForCausalLM\", expected one of MambaForCausalLM");
  refuses("mamba", R"({"n_layer":-1})", ErrorCode::kMalformed, "n_layer: -1, expected an integer");
  refuses("mamba", R"({"n_layer":513})", ErrorCode::kUnsupported, "513 layers, expected 1 .. 512");
  refuses("mamba", R"({"layer_norm_epsilon":"x"})", ErrorCode::kMalformed,
          "layer_norm_epsilon: string, expected a number");
  refuses("mamba2", R"({"n_groups":3})", ErrorCode::kMalformed,
          "norm.weight: shape [128], expected 3");
  refuses("mamba2", R"({"n_groups":64})", ErrorCode::kMalformed,
          "32 channels of B and C, expected 2 for each of 64 groups");
  refuses("mamba2", R"({"time_step_limit":[0.0,0.1]})", ErrorCode::kMalformed, "time_step_limit");
}

TEST(MambaConvert, RefusesOtherModels) {
  BuiltCheckpoint other;
  other.config = {{"architectures", {"LlamaForCausalLM"}}};
  other.add_random("model.layers.0.self_attn.q_proj.weight", {4, 4});
  EXPECT_TRUE(fails_with(
      convert_model(posix_file_system(), {.folder = other.write(), .out = "/nowhere/x"}),
      ErrorCode::kUnsupported,
      {"tensors of LlamaForCausalLM, expected a model of mamba, mamba2, rwkv7, recurrentgemma"}));
  EXPECT_TRUE(fails_with(convert_model(posix_file_system(), {.folder = "/nowhere", .out = "x"}),
                         ErrorCode::kNotFound, {"/nowhere/config.json"}));
}

TEST(MambaConvert, TellsItsProgress) {
  Model model("mamba", "tiny");
  std::vector<double> told;
  ASSERT_TRUE(succeeds(convert_model(
      posix_file_system(), {.folder = model.checkpoint.write(),
                            .out = model.out(),
                            .on_progress = [&](double fraction) { told.push_back(fraction); }})));
  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_EQ(told.back(), 1);
}

}  // namespace
}  // namespace eddy::test
