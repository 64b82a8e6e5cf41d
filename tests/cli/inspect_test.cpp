// eddy inspect: every number against the plan that the file was made from, or counted by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "cli/program.h"
#include "formats/gguf_writer.h"

namespace eddy::cli_test {
namespace {

using nlohmann::json;

json inspect(const std::string& path) {
  const Outcome outcome = run_eddy({"inspect", path, "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  return json::parse(outcome.out, nullptr, false);
}

std::uint64_t n_elements(const make_model::TensorPlan& tensor) {
  std::uint64_t n = 1;
  for (const std::int64_t extent : tensor.ne) n *= static_cast<std::uint64_t>(extent);
  return n;
}

json expected_types(const make_model::Plan& plan) {
  json types = json::object();
  for (const make_model::TensorPlan& tensor : plan.tensors) {
    json& count = types[std::string(dtype_name(tensor.type))];
    if (count.is_null()) count = {{"tensors", 0}, {"elements", 0}, {"bytes", 0}};
    count["tensors"] = count["tensors"].get<int>() + 1;
    count["elements"] = count["elements"].get<std::uint64_t>() + n_elements(tensor);
    count["bytes"] =
        count["bytes"].get<std::uint64_t>() + row_bytes(tensor.type, n_elements(tensor)).value();
  }
  return types;
}

template <class T>
json expected_array(const char* type, const std::vector<T>& all) {
  const auto n = static_cast<std::ptrdiff_t>(std::min<std::size_t>(all.size(), 8));
  return {{"type", std::string("array of ") + type},
          {"size", all.size()},
          {"first", std::vector<T>(all.begin(), all.begin() + n)}};
}

json expected_value(const make_model::MetaValue& value) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    return expected_array("string", *texts);
  }
  if (const auto* numbers = std::get_if<std::vector<std::int32_t>>(&value)) {
    return expected_array("i32", *numbers);
  }
  if (const auto* number = std::get_if<float>(&value)) return json::parse(std::to_string(*number));
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  return std::get<std::uint32_t>(value);
}

// A plan with values that JSON cannot hold as they are.
make_model::Plan awkward_plan() {
  make_model::Plan plan = tiny_plan();
  plan.add("test.infinite", -std::numeric_limits<float>::infinity());
  plan.add("test.nan", std::numeric_limits<float>::quiet_NaN());
  plan.add("test.bytes", std::string("a\xFF\x01"));
  plan.add("test.\xC3\xA9", std::uint32_t{7});
  plan.add("test.long", std::string(198, 'x') + "\xC3\xA9y");
  return plan;
}

TEST(Inspect, ShowsTheModelAsCountedByHand) {
  const json model = inspect(model_path())["model"];
  // n_embd = 64, E = 128, N = 16, R = 4, K = 4, two layers, the output tied to the embedding.
  const int layer =
      64 + 64 * 256 + 4 * 128 + 128 + 128 * 36 + 4 * 128 + 128 + 16 * 128 + 128 + 128 * 64;
  EXPECT_EQ(model["n_layer"], 2);
  EXPECT_EQ(model["n_embd"], 64);
  EXPECT_EQ(model["n_vocab"], 288);
  EXPECT_EQ(model["n_parameters"], 2 * layer + 64 * 288 + 64);
  EXPECT_EQ(model["r_bytes_per_sequence_f32"], 4 * 2 * 128 * 16);
  EXPECT_EQ(model["s_bytes_per_sequence_f32"], 4 * 2 * 128 * 3);
  EXPECT_EQ(model["log_bytes_per_token"], 4 * 2 * (2 * 128 + 16 + 128));  // dt, x, B; conv input
  EXPECT_EQ(model["layers"], json::parse(R"([{"first": 0, "last": 1, "r_elements": 2048,
                                              "s_elements": 384}])"));
}

TEST(Inspect, ShowsTheFileAsItWasPlanned) {
  for (const DType type : {DType::kF32, DType::kQ8_0}) {
    make_model::Plan plan = tiny_plan(type);
    for (make_model::Meta& meta : plan.metadata) {
      if (std::holds_alternative<float>(meta.value)) meta.value = 0.25F;
    }
    const std::string path = write_plan("planned.gguf", plan);
    const json file = inspect(path);
    EXPECT_EQ(file["file"], path);
    EXPECT_EQ(file["gguf_version"], 3);
    EXPECT_EQ(file["tensor_types"], expected_types(plan));
    EXPECT_EQ(file["metadata"].size(), plan.metadata.size());
    for (const make_model::Meta& meta : plan.metadata) {
      EXPECT_EQ(file["metadata"][meta.key], expected_value(meta.value)) << meta.key;
    }
    EXPECT_FALSE(file.contains("cannot_run"));
  }
}

TEST(Inspect, AFloatHasTheDigitsThatItNeeds) {
  const json file = inspect(model_path());
  EXPECT_EQ(file["metadata"]["mamba.attention.layer_norm_rms_epsilon"].dump(), "1e-05");
}

TEST(Inspect, TheTextSaysTheSame) {
  const Outcome outcome = run_eddy({"inspect", model_path()});
  EXPECT_EQ(outcome.code, 0);
  const json all = inspect(model_path());
  const json& model = all["model"];
  for (const std::string& line :
       {"file        " + model_path() + " (GGUF version 3)\n", std::string("layers      2\n"),
        std::string("n_embd      64\n"), std::string("n_vocab     288\n"),
        "parameters  " + model["n_parameters"].dump() + "\n",
        std::string("R           16384 bytes"), std::string("S           3072 bytes"),
        std::string("layers  0 .. 1   R 2048 elements, S 384 elements each\n"),
        "F32         22 tensors, " + model["n_parameters"].dump() + " elements, ",
        std::string("  general.architecture = \"mamba\"\n"),
        std::string("  mamba.attention.layer_norm_rms_epsilon = 1e-05\n"),
        std::string("  tokenizer.ggml.token_type = 288 array of i32: [3,1,1,1,1,1,1,1, ...]\n")}) {
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << outcome.out;
  }
}

TEST(Inspect, AFileThatCannotRunIsShownAllTheSame) {
  make_model::Plan plan = tiny_plan();
  plan.metadata[0].value = std::string("llama");
  const std::string path = write_plan("unsupported.gguf", plan);
  const json file = inspect(path);
  EXPECT_NE(file["cannot_run"].get<std::string>().find("\"llama\""), std::string::npos);
  EXPECT_FALSE(file.contains("model"));
  EXPECT_EQ(file["tensor_types"], expected_types(plan));
  const Outcome text = run_eddy({"inspect", path});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find("cannot run  "), std::string::npos);
  EXPECT_NE(text.out.find("general.architecture = \"llama\""), std::string::npos);
}

TEST(Inspect, WhatJsonCannotHoldIsText) {
  const json metadata = inspect(write_plan("awkward.gguf", awkward_plan()))["metadata"];
  EXPECT_EQ(metadata["test.infinite"], "-inf");
  EXPECT_EQ(metadata["test.nan"], "nan");
  EXPECT_EQ(metadata["test.bytes"], "a\xEF\xBF\xBD\x01");
  EXPECT_EQ(metadata["test.\xC3\xA9"], 7);
}

// A file of metadata alone, of kinds that plans do not have.
std::string write_arrays() {
  constexpr std::byte kBools[] = {std::byte{1}, std::byte{0}, std::byte{1}};
  GgufWriter writer;
  writer.add("a.f32", std::vector<float>{0.1F, -2, std::numeric_limits<float>::infinity()});
  writer.add("a.f64", std::vector<double>{0.1});
  writer.add("a.u64", std::vector<std::uint64_t>{std::uint64_t{1} << 63});
  writer.add("a.i8", std::vector<std::int8_t>{-128, 127});
  writer.add("a.bool", GgufArray{GgufType::kBool, 3, kBools});
  writer.add("a.none", std::vector<float>());
  std::string path = scratch_directory() + "/arrays.gguf";
  const GgufSource no_tensors = [](std::size_t, const GgufSink&) { return Status(); };
  const Status written = writer.write(posix_file_system(), path, no_tensors);
  EXPECT_TRUE(written.ok()) << written.error().message;
  return path;
}

TEST(Inspect, ShowsArraysOfEveryKind) {
  const json metadata = inspect(write_arrays())["metadata"];
  const auto first = [&](const char* key) { return metadata[key]["first"].dump(); };
  EXPECT_EQ(first("a.f32"), "[0.1,-2,\"inf\"]");
  EXPECT_EQ(first("a.f64"), "[0.1]");
  EXPECT_EQ(first("a.u64"), "[9223372036854775808]");
  EXPECT_EQ(first("a.i8"), "[-128,127]");
  EXPECT_EQ(first("a.bool"), "[true,false,true]");
  EXPECT_EQ(first("a.none"), "[]");
  EXPECT_EQ(metadata["a.bool"]["type"], "array of bool");
  EXPECT_EQ(metadata["a.bool"]["size"], 3);
}

TEST(Inspect, ALongTextIsNotCutInsideACodePoint) {
  const Outcome outcome = run_eddy({"inspect", write_plan("awkward.gguf", awkward_plan())});
  // With the quotation mark, byte 200 is the second one of the accented letter.
  EXPECT_NE(outcome.out.find("test.long = \"" + std::string(198, 'x') + "...\n"),
            std::string::npos);
}

TEST(Inspect, AFileNameMayBeAnyBytes) {
  const std::string path = scratch_directory() + "/name\xFF.gguf";
  std::filesystem::copy_file(model_path(), path);
  EXPECT_EQ(inspect(path)["file"], scratch_directory() + "/name\xEF\xBF\xBD.gguf");
}

}  // namespace
}  // namespace eddy::cli_test
