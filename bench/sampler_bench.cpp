// What it takes to choose a token from 50 280 logits. A step of a model of 130m parameters takes 6
// ms.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "engine/sampler.h"

namespace eddy {
namespace {

constexpr std::int64_t kVocab = 50280;

// spread: how sure the model is. At 1 most of the vocabulary is in question; at 4 a thousand
// tokens.
std::vector<float> logits(float spread) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(kVocab);
  for (float& value : values) value = normal(random);
  return values;
}

struct Way {
  const char* name;
  SamplingParams params;
};

void choose(benchmark::State& state, const SamplingParams& params, float spread) {
  const std::vector<float> values = logits(spread);
  auto sampler = Sampler::create(params, kVocab, available_isas().back());
  std::vector<Token> history(64, Token(7));
  for (auto _ : state) {
    benchmark::DoNotOptimize(sampler->sample(values, history));
    history.push_back(Token(static_cast<std::int32_t>(history.size())));
  }
}

const int kRegistered = [] {
  const Way ways[] = {
      {"greedy", {}},
      {"temperature", {.temperature = 0.8f}},
      {"top_k_40", {.top_k = 40, .temperature = 0.8f}},
      {"top_p_0.95", {.top_p = 0.95f, .temperature = 0.8f}},
      {"min_p_0.05", {.min_p = 0.05f, .temperature = 0.8f}},
      {"all",
       {.repetition_penalty = 1.1f,
        .top_k = 40,
        .top_p = 0.95f,
        .min_p = 0.05f,
        .temperature = 0.8f}},
  };
  for (const Way& way : ways) {
    for (const float spread : {1.0f, 4.0f}) {
      benchmark::RegisterBenchmark(
          ("sample/" + std::string(way.name) + (spread > 1 ? "/sure" : "/unsure")).c_str(),
          [way, spread](benchmark::State& state) { choose(state, way.params, spread); });
    }
  }
  return 0;
}();

}  // namespace
}  // namespace eddy

BENCHMARK_MAIN();
