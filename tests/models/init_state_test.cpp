// Files of initial states: which are read, and what is said of the others. That the order of their
// elements is right, tests/engine/init_state_test.cpp sees in the logits.
#include "models/init_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/support/temporary_folder.h"
#include "make_model/architectures.h"
#include "make_model/temporary_model.h"
#include "models/fake_ops.h"
#include "models/support/time_states.h"

namespace eddy {
namespace {

using test::TimeStates;

class InitStateFile : public testing::Test {
 protected:
  static std::unique_ptr<const Model> model_of(std::string_view architecture) {
    const auto plan = make_model::find_architecture(architecture)->plan("tiny", DType::kF32);
    const auto file = make_model::open_temporary(*plan, 1);
    EXPECT_TRUE(file.ok());
    auto model = load_model(*file, FakeOps());
    EXPECT_TRUE(model.ok());
    return std::move(*model);
  }

  Result<InitRows> read(std::string_view bytes, std::string_view architecture = "rwkv7") const {
    folder_.put("state", bytes);
    return read_init_state(posix_file_system(), folder_.path("state"), *model_of(architecture));
  }

  void expect_refused(std::string_view bytes, ErrorCode code, std::string_view says) const {
    const auto rows = read(bytes);
    ASSERT_FALSE(rows.ok()) << says;
    EXPECT_EQ(rows.error().code, code) << rows.error().message;
    EXPECT_TRUE(rows.error().message.starts_with(folder_.path("state"))) << rows.error().message;
    EXPECT_NE(rows.error().message.find(says), std::string::npos) << rows.error().message;
  }

  test::TemporaryFolder folder_;
  TimeStates states_ = TimeStates::random(2, 4, 16);
};

TEST_F(InitStateFile, EveryFormatAndElementTypeHoldsTheSame) {
  const auto expected = read(states_.safetensors());
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  ASSERT_EQ(expected->r.size(), 2U);
  EXPECT_EQ(expected->r[0].size(), 4U * 16 * 16);
  for (const std::string& bytes :
       {states_.safetensors("F16"), states_.safetensors("BF16"), states_.gguf()}) {
    const auto rows = read(bytes);
    ASSERT_TRUE(rows.ok()) << rows.error().message;
    EXPECT_EQ(rows->r, expected->r);
    EXPECT_EQ(rows->digest, expected->digest);
  }
  std::swap(states_.layers[0], states_.layers[1]);
  EXPECT_NE(read(states_.safetensors())->digest, expected->digest);
}

TEST_F(InitStateFile, AllArchitecturesWithMatricesHaveThem) {
  for (const char* name : {"rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"}) {
    EXPECT_TRUE(read(states_.safetensors(), name).ok()) << name;
  }
  for (const char* name : {"mamba", "mamba2", "recurrentgemma"}) {
    const auto rows = read(states_.safetensors(), name);
    ASSERT_FALSE(rows.ok()) << name;
    EXPECT_EQ(rows.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(rows.error().message.find(name), std::string::npos);
  }
}

TEST_F(InitStateFile, LayersAreNeitherMissingNorTooMany) {
  const TimeStates fewer = TimeStates::random(1, 4, 16), more = TimeStates::random(3, 4, 16);
  expect_refused(fewer.safetensors(), ErrorCode::kMalformed, "blocks.1.att.time_state: missing");
  expect_refused(more.safetensors(), ErrorCode::kMalformed, "blocks.2.att.time_state: unexpected");
  expect_refused(more.gguf(), ErrorCode::kMalformed, "blocks.2.att.time_state: unexpected");
}

TEST_F(InitStateFile, ShapesAndTypesAreThoseOfTheModel) {
  expect_refused(TimeStates::random(2, 2, 16).safetensors(), ErrorCode::kMalformed,
                 "blocks.0.att.time_state: shape {2, 16, 16}, expected {4, 16, 16}");
  expect_refused(TimeStates::random(2, 16, 8).gguf(), ErrorCode::kMalformed,
                 "shape {16, 8, 8}, expected {4, 16, 16}");
  std::string halves = states_.safetensors("F16");
  for (std::size_t at = 0; (at = halves.find("F16", at)) != halves.npos;) {
    halves.replace(at, 3, "I16");
  }
  expect_refused(halves, ErrorCode::kUnsupported, "element type I16, expected F32, F16 or BF16");
}

TEST_F(InitStateFile, ValuesAreFinite) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    states_.layers[1][77] = bad;
    expect_refused(states_.safetensors(), ErrorCode::kNonFinite,
                   "blocks.1.att.time_state: element 77 is");
  }
}

TEST_F(InitStateFile, OtherFilesAreNamed) {
  std::string zip(100, 'x');
  zip.replace(0, 4, "PK\3\4");
  expect_refused(zip, ErrorCode::kUnsupported, ".pth");
  expect_refused("GGUF and then nothing", ErrorCode::kUnsupported, "version");
  expect_refused("", ErrorCode::kMalformed, "");
  const auto none = read_init_state(posix_file_system(), folder_.path("none"), *model_of("rwkv7"));
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace eddy
