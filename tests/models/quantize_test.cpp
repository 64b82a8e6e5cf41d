#include "models/quantize.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "base/file_system.h"
#include "base/threads.h"
#include "formats/gguf.h"
#include "formats/gguf_writer.h"

namespace eddy {
namespace {

class QuantizeTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / (std::string("eddy_") + test->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }

  // A file of tensors of one type, with values that all types can hold.
  GgufFile write(const std::vector<GgufTensorSpec>& specs, float value = 0.5f) {
    GgufWriter writer;
    writer.add("general.architecture", "mamba");
    writer.add("general.file_type", std::uint32_t{0});
    writer.add("some.array", std::vector<std::uint32_t>{1, 2, 3});
    for (const GgufTensorSpec& spec : specs) writer.add_tensor(spec);
    const Status status = writer.write(
        posix_file_system(), path("in.gguf"), [&](std::size_t i, const GgufSink& sink) {
          std::uint64_t n = 1;
          for (const std::int64_t extent : specs[i].ne) n *= static_cast<std::uint64_t>(extent);
          if (specs[i].type != DType::kF32) {
            return sink(std::vector<std::byte>(row_bytes(specs[i].type, n).value()));
          }
          const std::vector<float> values(n, value);
          return sink(std::as_bytes(std::span(values)));
        });
    EXPECT_TRUE(status.ok());
    return GgufFile::open(posix_file_system(), path("in.gguf")).value();
  }

  Status run(const GgufFile& file, const char* mix) {
    const auto pool = ThreadPool::create(2).value();
    return quantize(file, *find_quantize_mix(mix), *pool, posix_file_system(), path("out.gguf"),
                    [&](const QuantizedTensor& t) {
                      reports_.push_back({std::string(t.name), t});
                    });
  }
  GgufFile out() const { return GgufFile::open(posix_file_system(), path("out.gguf")).value(); }

  std::filesystem::path folder_;
  std::vector<std::pair<std::string, QuantizedTensor>> reports_;
};

GgufTensorSpec matrix(std::string name, std::int64_t n_in, std::int64_t n_out) {
  return {.name = std::move(name), .type = DType::kF32, .ne = {n_in, n_out}};
}

TEST_F(QuantizeTest, EveryTensorGetsTheTypeThatFilesOfThisNameHave) {
  const GgufFile file = write({matrix("token_embd.weight", 256, 8),
                               matrix("output.weight", 256, 8),
                               matrix("blk.0.ssm_in.weight", 256, 4),
                               matrix("blk.0.ssm_dt.weight", 64, 4),
                               matrix("blk.0.ssm_x.weight", 48, 4),
                               matrix("blk.0.attn_v.weight", 256, 4),
                               matrix("blk.0.ssm_conv1d.weight", 4, 256),
                               matrix("blk.0.time_mix_w1.weight", 256, 32),
                               {.name = "blk.0.attn_norm.weight", .ne = {256}},
                               {.name = "blk.0.ssm_a", .ne = {16, 256}}});
  const std::map<std::string, DType> expected = {
      {"token_embd.weight", DType::kQ4_K},      {"output.weight", DType::kQ6_K},
      {"blk.0.ssm_in.weight", DType::kQ4_K},    {"blk.0.ssm_dt.weight", DType::kQ5_0},
      {"blk.0.ssm_x.weight", DType::kF16},      {"blk.0.attn_v.weight", DType::kQ6_K},
      {"blk.0.ssm_conv1d.weight", DType::kF32}, {"blk.0.time_mix_w1.weight", DType::kF32},
      {"blk.0.attn_norm.weight", DType::kF32},  {"blk.0.ssm_a", DType::kF32}};
  ASSERT_TRUE(run(file, "q4_k_m").ok());
  const GgufFile written = out();
  ASSERT_EQ(written.tensors().size(), expected.size());
  for (const GgufTensor& tensor : written.tensors()) {
    EXPECT_EQ(tensor.type, expected.at(std::string(tensor.name))) << tensor.name;
  }
  EXPECT_EQ(written.get<std::uint32_t>("general.file_type").value(), 15u);
  EXPECT_EQ(written.get<std::string_view>("general.architecture").value(), "mamba");
  EXPECT_EQ(written.get<std::vector<std::uint32_t>>("some.array").value().size(), 3u);
}

TEST_F(QuantizeTest, AnEmbeddingThatIsTheOutputTooIsKeptFiner) {
  const GgufFile file = write({matrix("token_embd.weight", 256, 8)});
  ASSERT_TRUE(run(file, "Q4_K_M").ok());
  EXPECT_EQ(out().tensors()[0].type, DType::kQ6_K);
}

TEST_F(QuantizeTest, HalfOfTheLayersKeepAFinerDownProjection) {
  std::vector<GgufTensorSpec> specs;
  for (int il = 0; il < 16; ++il) {
    specs.push_back(matrix("blk." + std::to_string(il) + ".ffn_down.weight", 256, 1));
  }
  ASSERT_TRUE(run(write(specs), "Q5_K_M").ok());
  const GgufFile written = out();
  std::vector<int> fine;
  for (int il = 0; il < 16; ++il) {
    if (written.tensors()[static_cast<std::size_t>(il)].type == DType::kQ6_K) fine.push_back(il);
  }
  EXPECT_EQ(fine, (std::vector<int>{0, 1, 4, 7, 10, 13, 14, 15}));
}

TEST_F(QuantizeTest, ReportsBytesAndError) {
  const GgufFile file = write({matrix("blk.0.ssm_in.weight", 256, 4)});
  ASSERT_TRUE(run(file, "Q8_0").ok());
  ASSERT_EQ(reports_.size(), 1u);
  const QuantizedTensor& report = reports_[0].second;
  EXPECT_EQ(report.n_bytes_from, 4096u);
  EXPECT_EQ(report.n_bytes_to, 1088u);
  EXPECT_LT(report.error, 0.001);
}

TEST_F(QuantizeTest, RefusesWhatIsQuantisedAlready) {
  const GgufFile file =
      write({{.name = "blk.0.ssm_in.weight", .type = DType::kQ8_0, .ne = {256, 4}}});
  const Status status = run(file, "Q4_K");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(status.error().message.find("blk.0.ssm_in.weight: type Q8_0"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("out.gguf")));
  EXPECT_TRUE(run(file, "Q8_0").ok());  // but copies it where nothing is lost
}

TEST_F(QuantizeTest, RefusesWhatIsNoNumberAndLeavesTheOldFile) {
  ASSERT_TRUE(run(write({matrix("blk.0.ssm_in.weight", 256, 4)}), "Q8_0").ok());
  const GgufFile file = write({matrix("blk.0.ssm_in.weight", 256, 4)}, 1e30f);
  const Status status = run(file, "F16");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kNonFinite);
  EXPECT_EQ(out().tensors()[0].type, DType::kQ8_0);
}

TEST(QuantizeMixes, AreFoundInAnyCase) {
  EXPECT_EQ(find_quantize_mix("q5_k_m")->name, "Q5_K_M");
  EXPECT_EQ(find_quantize_mix("Q9"), nullptr);
}

}  // namespace
}  // namespace eddy
