// Engine::open: what it says of a file, and how it refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "cpu/isa.h"
#include "eddy/engine.h"
#include "engine/model_file.h"

namespace eddy {
namespace {

// The environment variable EDDY_ISA for the time of a test.
class IsaVariable {
 public:
  explicit IsaVariable(const char* value) {
    if (const char* set = std::getenv("EDDY_ISA")) before_ = set;
    value ? setenv("EDDY_ISA", value, 1) : unsetenv("EDDY_ISA");
  }
  ~IsaVariable() { before_ ? setenv("EDDY_ISA", before_->c_str(), 1) : unsetenv("EDDY_ISA"); }
  IsaVariable(const IsaVariable&) = delete;
  IsaVariable& operator=(const IsaVariable&) = delete;

 private:
  std::optional<std::string> before_;
};

EngineInfo info_of(const EngineOptions& options) {
  const ModelFile file;
  const auto engine = Engine::open(file.path(), options);
  EXPECT_TRUE(engine.ok()) << engine.error().message;
  return engine.ok() ? engine->info() : EngineInfo();
}

Error error_of(const std::string& path, const EngineOptions& options = {}) {
  const auto engine = Engine::open(path, options);
  EXPECT_FALSE(engine.ok());
  return engine.ok() ? Error{ErrorCode::kFull, "no error"} : engine.error();
}

make_model::MetaValue& entry(make_model::Plan& plan, std::string_view key) {
  return std::ranges::find(plan.metadata, key, &make_model::Meta::key)->value;
}

TEST(EngineOpen, SaysWhatWasOpened) {
  const EngineInfo info = info_of({.n_threads = 2, .n_seq_max = 3, .mem_size = 5});
  EXPECT_EQ(info.architecture, "mamba");
  EXPECT_EQ(info.name, "random mamba tiny");
  EXPECT_EQ(info.n_layer, 2);
  EXPECT_EQ(info.n_embd, 64);
  EXPECT_EQ(info.n_vocab, 288);
  EXPECT_EQ(info.n_r_bytes, 2U * 128 * 16 * 4);  // layers, d_inner, d_state, F32
  EXPECT_EQ(info.n_s_bytes, 2U * 128 * 3 * 4);   // layers, d_inner, d_conv - 1, F32
  EXPECT_GE(info.n_memory_bytes, 5 * (info.n_r_bytes + info.n_s_bytes));
  EXPECT_EQ(info.n_seq_max, 3U);
  EXPECT_EQ(info.mem_size, 5U);
  EXPECT_EQ(info.n_threads, 2);
}

TEST(EngineOpen, TheStateTypesCount) {
  const EngineInfo info = info_of({.type_r = StateType::kF16, .type_s = StateType::kBF16});
  EXPECT_EQ(info.n_r_bytes, 2U * 128 * 16 * 2);
  EXPECT_EQ(info.n_s_bytes, 2U * 128 * 3 * 2);
  EXPECT_EQ(info.mem_size, 3 * info.n_seq_max);
  EXPECT_GE(info.n_threads, 1);
}

TEST(EngineOpen, FilesThatAreNoModelsAreTypedErrorsThatNameThem) {
  const std::string absent = testing::TempDir() + "no such file";
  EXPECT_EQ(error_of(absent).code, ErrorCode::kNotFound);
  EXPECT_NE(error_of(absent).message.find(absent), std::string::npos);
  EXPECT_EQ(error_of(testing::TempDir()).code, ErrorCode::kIo);
  for (const std::string& bytes : {std::string(), std::string("GGUF"), std::string(5000, 'x')}) {
    const ModelFile garbage(bytes);
    const Error error = error_of(garbage.path());
    EXPECT_EQ(error.code, ErrorCode::kMalformed);
    EXPECT_NE(error.message.find(garbage.path()), std::string::npos) << error.message;
  }
}

TEST(EngineOpen, ModelsThatCannotRunAreTypedErrors) {
  make_model::Plan unknown = tiny_plan(), incomplete = tiny_plan(), foreign = tiny_plan();
  entry(unknown, "general.architecture") = std::string("llama");
  EXPECT_EQ(error_of(ModelFile(unknown).path()).code, ErrorCode::kUnsupported);
  incomplete.tensors.pop_back();
  EXPECT_EQ(error_of(ModelFile(incomplete).path()).code, ErrorCode::kMalformed);
  entry(foreign, "tokenizer.ggml.model") = std::string("wordpiece");
  EXPECT_EQ(error_of(ModelFile(foreign).path()).code, ErrorCode::kUnsupported);
}

TEST(EngineOpen, RefusesOptionsOutsideTheirRanges) {
  const ModelFile file;
  const EngineOptions wrong[] = {{.n_threads = -1}, {.n_threads = 257}, {.isa = "abacus"},
                                 {.n_seq_max = 0},  {.n_batch = 0},     {.n_ubatch = 0}};
  for (std::size_t i = 0; i < std::size(wrong); ++i) {
    EXPECT_EQ(error_of(file.path(), wrong[i]).code, ErrorCode::kInvalidArgument) << "case " << i;
  }
  EXPECT_NE(error_of(file.path(), {.isa = "abacus"}).message.find("\"abacus\""), std::string::npos);
}

TEST(EngineOpen, TheInstructionSetIsTheOptionsElseTheEnvironmentsElseTheBest) {
  const std::string best(isa_name(available_isas().back()));
  {
    const IsaVariable unset(nullptr);
    EXPECT_EQ(info_of({}).isa, best);
  }
  {
    const IsaVariable empty("");
    EXPECT_EQ(info_of({}).isa, best);
  }
  {
    const IsaVariable plain("plain");
    EXPECT_EQ(info_of({}).isa, "plain");
    EXPECT_EQ(info_of({.isa = best}).isa, best);
  }
  const IsaVariable unknown("abacus");
  const ModelFile file;
  EXPECT_EQ(error_of(file.path()).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(info_of({.isa = "plain"}).isa, "plain");
}

TEST(EngineOpen, TellsTheLoadedFractionFromNothingToAll) {
  std::vector<double> told;
  info_of({.on_load = [&](double fraction) { told.push_back(fraction); }});
  ASSERT_GE(told.size(), 3U);
  EXPECT_EQ(told.front(), 0);
  EXPECT_EQ(told.back(), 1);
  EXPECT_TRUE(std::ranges::is_sorted(told));
}

TEST(EngineOpen, AFileThatIsRefusedIsNotLoaded) {
  make_model::Plan incomplete = tiny_plan();
  incomplete.tensors.pop_back();
  bool is_told = false;
  error_of(ModelFile(incomplete).path(), {.on_load = [&](double) { is_told = true; }});
  EXPECT_FALSE(is_told);
}

}  // namespace
}  // namespace eddy
