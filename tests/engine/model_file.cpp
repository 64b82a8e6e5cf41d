#include "engine/model_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "make_model/architectures.h"
#include "make_model/write_model.h"

namespace eddy {
namespace {

std::string new_path() {
  static int n_paths = 0;
  return testing::TempDir() + "eddy_engine_test." + std::to_string(getpid()) + "." +
         std::to_string(n_paths++) + ".gguf";
}

}  // namespace

std::vector<Token> made_up(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < n; ++i) {
    tokens.push_back(Token(static_cast<std::int32_t>(random() % 250)));
  }
  return tokens;
}

std::vector<Token> copy(std::span<const Token> tokens) { return {tokens.begin(), tokens.end()}; }

make_model::Plan tiny_plan() {
  return *make_model::find_architecture("mamba")->plan("tiny", DType::kF32);
}

ModelFile::ModelFile(const make_model::Plan& plan) : path_(new_path()) {
  const Status written = make_model::write_model(plan, 1, path_);
  EXPECT_TRUE(written.ok()) << written.error().message;
}

ModelFile::ModelFile(const std::string& bytes) : path_(new_path()) {
  std::ofstream(path_, std::ios::binary) << bytes;
}

ModelFile::~ModelFile() { std::filesystem::remove(path_); }

}  // namespace eddy
