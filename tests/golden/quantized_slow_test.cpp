// The bundled model in smaller types, of weights and of state: how much worse it predicts tales
// than the F16 original with a state in F32.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file_system.h"
#include "base/threads.h"
#include "eddy/engine.h"
#include "formats/gguf.h"
#include "models/quantize.h"

namespace eddy {
namespace {

const std::string kModel = EDDY_SOURCE_DIR "/data/tinyworld.gguf";

// Held-out tales with their questions and answers.
std::string tales() {
  std::ifstream in(EDDY_SOURCE_DIR "/data/tinyworld_questions.jsonl");
  std::string text, line;
  for (int i = 0; i < 30 && std::getline(in, line); ++i) {
    const auto item = nlohmann::json::parse(line);
    text += item["prompt"].get<std::string>() + " " + item["answer"].get<std::string>() + "\n";
  }
  return text;
}

double perplexity(const std::string& path, const EngineOptions& options = {}) {
  Engine engine = Engine::open(path, options).value();
  const std::vector<Token> tokens = engine.tokenize(tales(), {.begin = true});
  double sum = 0;
  const Status status = engine.evaluate(tokens, [&](Pos pos, std::span<const float> logits) {
    const auto next = static_cast<std::size_t>(pos) + 1;
    if (next == tokens.size()) return true;
    double all = 0;
    for (const float logit : logits) all += std::exp(static_cast<double>(logit));
    sum +=
        std::log(all) - static_cast<double>(logits[static_cast<std::size_t>(tokens[next].value)]);
    return true;
  });
  EXPECT_TRUE(status.ok());
  return std::exp(sum / static_cast<double>(tokens.size() - 1));
}

TEST(QuantizedTinyworld, PredictsNearlyAsWell) {
  const double original = perplexity(kModel);
  EXPECT_LT(original, 8) << "of some 1200 tokens";
  const GgufFile file = GgufFile::open(posix_file_system(), kModel).value();
  const auto pool = ThreadPool::create(2).value();
  const std::string path =
      (std::filesystem::path(testing::TempDir()) / "eddy_quantized.gguf").string();
  const struct {
    const char* mix;
    double most;  // times the perplexity of the original
  } bounds[] = {{"Q8_0", 1.01}, {"Q6_K", 1.02}, {"Q5_K_M", 1.05}, {"Q4_K_M", 1.05}, {"Q4_0", 1.1}};
  for (const auto& [mix, most] : bounds) {
    ASSERT_TRUE(quantize(file, *find_quantize_mix(mix), *pool, posix_file_system(), path, {}).ok());
    const double now = perplexity(path);
    EXPECT_LT(now, most * original) << mix;
    EXPECT_NE(now, original) << mix << " lost nothing at all";
  }
  std::filesystem::remove(path);
}

TEST(TinyworldInSixteenBits, PredictsAsWell) {
  const double original = perplexity(kModel);
  const auto with = [](StateType type, StateRounding rounding) {
    return perplexity(kModel, {.type_r = type, .rounding_r = rounding});
  };
  EXPECT_NEAR(with(StateType::kF16, StateRounding::kNearest), original, 0.003 * original);
  EXPECT_NEAR(with(StateType::kF16, StateRounding::kByChance), original, 0.003 * original);
  EXPECT_NEAR(with(StateType::kBF16, StateRounding::kByChance), original, 0.01 * original);
}

}  // namespace
}  // namespace eddy
